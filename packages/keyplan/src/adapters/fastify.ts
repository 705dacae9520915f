export { type FastifyRateLimitStore, fastifyRateLimitStore } from './fastify/limit-store.ts'
export { type FastifyHook, type RateLimitedOptions, rateLimited } from './fastify/rate-limited.ts'
export { sessions } from './fastify/sessions.ts'
export type { WebSession, WebSessionOptions } from './http/web-session.ts'
