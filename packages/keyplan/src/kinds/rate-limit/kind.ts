import { guarded } from '../../guard/guarded.ts'
import type { Kind } from '../kind.ts'
import { type RateLimitDeclaration, rateLimitOperations } from './contract.ts'
import { rateLimitFallback } from './fallback.ts'
import { createRateLimits } from './handle.ts'
import { createMemoryRateLimitStore } from './memory.ts'
import { createRedisRateLimitStore } from './redis.ts'
import { fixedWindowScript, slidingWindowScript, tokenBucketScript } from './scripts.ts'

export const rateLimitKind: Kind<RateLimitDeclaration> = {
  kind: 'rateLimit',
  scripts: [fixedWindowScript, slidingWindowScript, tokenBucketScript],
  open(declaration, { name, pattern, clock, server, bare }) {
    const { policy } = declaration.options
    const store = server
      ? guarded(
          name,
          createRedisRateLimitStore(server.redis),
          rateLimitOperations,
          server.guard,
          rateLimitFallback(declaration, clock),
        )
      : guarded(name, createMemoryRateLimitStore(clock, policy), rateLimitOperations, bare)
    return { client: createRateLimits(store, policy, pattern, server?.lane), close: async () => {} }
  },
  feature: 'rateLimit',
  openDisabled({ options }, { name, pattern, clock, bare }) {
    const allowing = { ...rateLimitFallback({ whenDown: 'allow', options }, clock), reset: async () => {} }
    const store = guarded(name, allowing, rateLimitOperations, bare)
    return { client: createRateLimits(store, options.policy, pattern), close: async () => {} }
  },
}
