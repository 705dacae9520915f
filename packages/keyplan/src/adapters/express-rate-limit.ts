import { KeyplanError } from '../base/error.ts'
import { hits, type KeyedLimit, limitsOf, untilNextMs } from './hits.ts'
import type { OpenLimit } from './http/limit-options.ts'

/** What express-rate-limit is told of a key. */
export interface RateLimitInfo {
  totalHits: number
  resetTime: Date
}

/** A store for express-rate-limit 7 and 8. */
export interface ExpressRateLimitStore {
  /** Its keys are counted for all processes. */
  readonly localKeys: false
  init(options: { windowMs: number; limit: unknown }): void
  get(key: string): Promise<RateLimitInfo>
  increment(key: string): Promise<RateLimitInfo>
  decrement(key: string): Promise<void>
  resetKey(key: string): Promise<void>
}

/**
 * A store for express-rate-limit over a rate limit: `rateLimit({ windowMs: 900_000, limit: 100, store:
 * expressRateLimitStore(redis.api) })`. Its `windowMs` and `limit` must be those of the plan, else every request fails.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit; PLAN_INVALID when its keys do not have one param
 */
export function expressRateLimitStore(namespace: OpenLimit<never>): ExpressRateLimitStore {
  const limitFor = limitsOf('expressRateLimitStore', namespace)
  let limit: () => KeyedLimit = () => {
    throw new KeyplanError('PARAM_INVALID', 'The store is not initialised: give it to rateLimit({ store })')
  }
  const info = (totalHits: number, resetMs: number) => ({ totalHits, resetTime: new Date(Date.now() + resetMs) })

  return {
    localKeys: false,
    init(options) {
      const allowance = {
        windowMs: options.windowMs,
        limit: typeof options.limit === 'number' ? options.limit : undefined,
      }
      // What this throws is only logged there, so that it must come again with each request.
      limit = () => limitFor(allowance)
      limit()
    },
    async get(key) {
      const result = await limit()(key).peek()
      return info(result.limit - Math.floor(result.remaining), untilNextMs(result))
    },
    async increment(key) {
      const result = await limit()(key).consume()
      return info(hits(result), untilNextMs(result))
    },
    // Nobody waits for it, and what rejects then would end the process: where it fails the request stays counted.
    async decrement(key) {
      await limit()(key)
        .reward()
        .catch(() => {})
    },
    async resetKey(key) {
      await limit()(key).reset()
    },
  }
}
