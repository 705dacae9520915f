import { type Algorithm, type Entry, mostExact, type Usage } from './algorithm.ts'
import { keepUntil } from './lua-locals.ts'
import type { RateLimitPolicy } from './policy.ts'

export interface TokenBucket extends Entry {
  readonly level: number
  readonly at: number
}

/** What every bucket does on the server, however it keeps its level. */
export const bucketLua = {
  text: true,
  figures: ['level'],
  found: ['till'],
  begin: `
local full = capacity * window
local slack = ceil(full / limit / 8)`,
  fits: 'asked * window <= level',
} as const

/** `fits` of `bucketLua`, in this process. */
export const bucketFits = ([level]: Usage, cost: number, { windowMs }: RateLimitPolicy) => cost * windowMs <= level

/** @param keep statements that write a bucket that is not full */
export const bucketTake = (keep: string) => `
level = level - cost * window
if level < -${mostExact} then level = -${mostExact} end
if level >= full then
  level, failure = full, fault(call('DEL', key))
else
  ${keep}
end`

/**
 * A token bucket that is refilled when it is looked at. In any stretch of `t` milliseconds at most
 * `burst + limit × t ÷ window` units pass.
 *
 * The level is kept in units × window: each millisecond adds `limit` to it, so it stays a whole number and nothing is
 * gained or lost by looking often. It is negative after a penalty.
 *
 * Source: S. Shenker and J. Wroclawski, RFC 2215 (1997), section 3.6.
 *
 * Figures: the level.
 *
 * Key: the level, the time it was so, and when the key ends, as packed doubles. It lives until the bucket is full again, and an
 * eighth of what an empty one takes for that longer at most. A clock that went back refills nothing.
 */
export const tokenBucket: Algorithm<TokenBucket> = {
  lua: {
    ...bucketLua,
    look: `
level = full
if state then
  if #state == 24 then
    local at
    level, at, till = unpacked('<ddd', state)
    if now > at then level = level + (now - at) * limit end
    if level > full then level = full end
  else
    failure = 'ERR value is not a token bucket'
  end
end`,
    take: bucketTake(keepUntil('level', 'now', 'now + ceil((full - level) / limit)')),
  },
  look: (entry, now, policy) => {
    const full = fullOf(policy)
    return [entry ? Math.min(full, entry.level + (now - entry.at) * policy.limit) : full, 0, 0]
  },
  fits: bucketFits,
  take(_, [before], cost, now, policy) {
    const level = levelAfter(before, cost, policy)
    const left = fullOf(policy) - level
    return left > 0 ? { level, at: now, until: now + Math.ceil(left / policy.limit) } : undefined
  },
  result: bucketResult,
  taken: bucketTaken,
}

export const fullOf = ({ capacity, windowMs }: RateLimitPolicy) => capacity * windowMs

export const levelAfter = (level: number, cost: number, policy: RateLimitPolicy) =>
  Math.max(-mostExact, Math.min(fullOf(policy), level - cost * policy.windowMs))

export function bucketResult(fits: boolean, [level]: Usage, asked: number, policy: RateLimitPolicy) {
  const { limit, windowMs, capacity } = policy
  return {
    allowed: fits,
    limit: capacity,
    remaining: Math.max(0, Math.floor(level / windowMs)),
    resetMs: Math.ceil((fullOf(policy) - level) / limit),
    retryAfterMs: fits ? 0 : Math.ceil((asked * windowMs - level) / limit),
  }
}

export function bucketTaken([level]: Usage, policy: RateLimitPolicy): number {
  return Math.ceil((fullOf(policy) - level) / policy.windowMs)
}
