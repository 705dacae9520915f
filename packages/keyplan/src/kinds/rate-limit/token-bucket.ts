import type { RateLimitResult } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { Taking } from './taking.ts'

/**
 * The answer of a token bucket that is refilled when it is looked at. In any stretch of `t` milliseconds at most
 * `burst + limit × t ÷ window` units pass.
 *
 * The level is kept in units × window: each millisecond adds `limit` to it, so it stays a whole number and nothing is
 * gained or lost by looking often.
 *
 * Source: S. Shenker and J. Wroclawski, RFC 2215 (1997), section 3.6.
 *
 * @param level what the bucket holds, after this call when it fits
 */
export function tokenBucketResult(
  fits: boolean,
  level: number,
  cost: number,
  { limit, windowMs, capacity }: RateLimitPolicy,
): RateLimitResult {
  return {
    allowed: fits,
    limit: capacity,
    remaining: Math.floor(level / windowMs),
    resetMs: Math.ceil((capacity * windowMs - level) / limit),
    retryAfterMs: fits ? 0 : Math.ceil((cost * windowMs - level) / limit),
  }
}

export interface TokenBucket {
  readonly level: number
  readonly at: number
  /** When it will be full. */
  readonly until: number
}

export function takeFromTokenBucket(
  entry: TokenBucket | undefined,
  cost: number,
  now: number,
  policy: RateLimitPolicy,
): Taking<TokenBucket> {
  const { limit, windowMs, capacity } = policy
  const full = capacity * windowMs
  const before = entry ? Math.min(full, entry.level + (now - entry.at) * limit) : full
  const asked = cost || 1
  const fits = asked * windowMs <= before
  const level = fits ? before - cost * windowMs : before
  const result = tokenBucketResult(fits, level, asked, policy)
  return { result, entry: fits && cost > 0 ? { level, at: now, until: now + result.resetMs } : undefined }
}
