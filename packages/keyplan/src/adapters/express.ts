export { type ExpressMiddleware, type RateLimitedOptions, rateLimited } from './express/rate-limited.ts'
export { sessions } from './express/sessions.ts'
export { unavailable } from './express/unavailable.ts'
export type { LoginOptions, WebSession, WebSessionOptions } from './http/web-session.ts'
