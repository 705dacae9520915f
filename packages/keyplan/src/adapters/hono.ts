export { idempotent } from './hono/idempotent.ts'
export { type RateLimitedOptions, rateLimited } from './hono/rate-limited.ts'
export { sessions } from './hono/sessions.ts'
export type { WebSession, WebSessionOptions } from './http/web-session.ts'
