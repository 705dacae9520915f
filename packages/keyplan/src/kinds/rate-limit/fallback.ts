import type { Clock } from '../../base/clock.ts'
import type { Decision, RateLimitDeclaration, RateLimitResult, RateLimitStore } from './contract.ts'
import { createMemoryRateLimitStore } from './memory.ts'
import { shareOf } from './policy.ts'

const retryAfterMs = 1_000

/** What `whenDown` answers. A reset has no answer but Redis': it rejects. */
export function rateLimitFallback(
  { whenDown, options: { policy, instances } }: Pick<RateLimitDeclaration, 'whenDown' | 'options'>,
  clock: Clock,
): Pick<RateLimitStore, 'consume' | 'peek'> {
  const limit = policy.capacity
  if (whenDown === 'memory') {
    const share = shareOf(policy, instances)
    const memory = createMemoryRateLimitStore(clock, share)
    return {
      consume: async (call, keys, costs) => (await memory.consume(call, keys, costs, share)).map(degraded),
      peek: async (call, keys) => (await memory.peek(call, keys, share)).map(degraded),
    }
  }
  const answer: RateLimitResult =
    whenDown === 'deny'
      ? { allowed: false, limit, remaining: 0, resetMs: retryAfterMs, retryAfterMs, degraded: true }
      : { allowed: true, limit, remaining: limit, resetMs: 0, retryAfterMs: 0, degraded: true }
  return {
    consume: async (_, keys) => keys.map(() => ({ ...answer })),
    peek: async (_, keys) => keys.map(() => ({ ...answer })),
  }
}

const degraded = (decision: Decision): Decision =>
  decision instanceof Error ? decision : { ...decision, degraded: true }
