export { type FastifyRateLimitStore, fastifyRateLimitStore } from './fastify/limit-store.ts'
export { type FastifyHook, type RateLimitedOptions, rateLimited } from './fastify/rate-limited.ts'
