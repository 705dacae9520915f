export type { WebSession, WebSessionOptions } from './http/web-session.ts'
export { idempotent } from './koa/idempotent.ts'
export { type KoaMiddleware, type RateLimitedOptions, rateLimited } from './koa/rate-limited.ts'
export { sessions } from './koa/sessions.ts'
