import { type Algorithm, type Entry, mostExact, type Usage } from './algorithm.ts'
import type { RateLimitPolicy } from './policy.ts'

export interface TokenBucket extends Entry {
  readonly level: number
  readonly at: number
}

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
 * Key: the level and the time it was so, as packed doubles. It lives until the bucket is full again. A clock that went back refills nothing.
 */
export const tokenBucket: Algorithm<TokenBucket> = {
  lua: `{
  look = function(key, p)
    local state = call('GET', key)
    if type(state) == 'table' then return state end
    if not state then return { p.capacity * p.window } end
    if #state ~= 16 then return { err = 'ERR value is not a token bucket' } end
    local level, at = unpacked('<dd', state)
    return { min(p.capacity * p.window, level + max(0, now - at) * p.limit) }
  end,
  fits = function(s, cost, p) return cost * p.window <= s[1] end,
  take = function(key, s, cost, p)
    local full = p.capacity * p.window
    s[1] = max(-${mostExact}, min(full, s[1] - cost * p.window))
    if s[1] == full then return call('DEL', key) end
    return call('SET', key, packed('<dd', s[1], now), 'PX', format('%.0f', ceil((full - s[1]) / p.limit)))
  end,
}`,
  look: (entry, now, policy) => {
    const full = fullOf(policy)
    return [entry ? Math.min(full, entry.level + (now - entry.at) * policy.limit) : full, 0, 0]
  },
  fits: ([level], cost, { windowMs }) => cost * windowMs <= level,
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
