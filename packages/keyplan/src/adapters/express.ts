export { type ExpressMiddleware, type RateLimitedOptions, rateLimited } from './express/rate-limited.ts'
export { sessions } from './express/sessions.ts'
export type { WebSession, WebSessionOptions } from './http/web-session.ts'
