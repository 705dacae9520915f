import { hits, type Limits, limitsOf } from '../hits.ts'
import { seconds } from '../http/rate-headers.ts'

/** What @nestjs/throttler is told of a key; times in seconds. */
export interface ThrottlerRecord {
  totalHits: number
  timeToExpire: number
  isBlocked: boolean
  timeToBlockExpire: number
}

/** A storage for @nestjs/throttler 6. */
export interface KeyplanThrottlerStorage {
  /** @param ttl and `blockDuration` in milliseconds */
  increment(
    key: string,
    ttl: number,
    limit: number,
    blockDuration: number,
    throttlerName: string,
  ): Promise<ThrottlerRecord>
}

/**
 * A storage for @nestjs/throttler over rate limits: `ThrottlerModule.forRoot({ throttlers: [{ ttl: 60_000, limit: 10 }],
 * storage: throttlerStorage(redis.api) })`. Each throttler, and each `@Throttle` with figures of its own, has a limit of its
 * own: `throttlerStorage([redis.api, redis.login])`; the one with the same `ttl` and `limit` counts. A `blockDuration` is declared
 * as `block: { for, onDenied: true }`.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit; PLAN_INVALID when its keys do not have one param
 */
export function throttlerStorage(limits: Limits): KeyplanThrottlerStorage {
  const limitFor = limitsOf('throttlerStorage', limits)
  return {
    async increment(key, ttl, limit, blockDuration) {
      // Without one of its own, a throttler says its `ttl`.
      const blockMs = blockDuration > 0 && blockDuration !== ttl ? blockDuration : undefined
      const result = await limitFor({ limit, windowMs: ttl, blockMs })(key).consume()
      return {
        totalHits: hits(result),
        timeToExpire: seconds(result.resetMs),
        isBlocked: !result.allowed,
        timeToBlockExpire: seconds(result.retryAfterMs),
      }
    },
  }
}
