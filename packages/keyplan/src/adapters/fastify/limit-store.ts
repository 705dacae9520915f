import type { RateLimitResult } from '../../kinds/rate-limit/contract.ts'
import { hits, type Limits, limitsOf, untilNextMs } from '../hits.ts'

type Answer = (error: Error | null, result?: { current: number; ttl: number }) => void

/** A store of @fastify/rate-limit 10 and later. */
export interface FastifyRateLimitStore {
  incr(key: string, answer: Answer, timeWindow: number, max: number): void
  read(key: string, answer: Answer, timeWindow: number, max: number): void
  /** Counts the keys of a route apart from those of others. */
  child(route: object): FastifyRateLimitStore
}

/** What is merged of the options of the plugin and of a route. */
interface RouteLimit {
  groupId?: string
  routeInfo?: { method?: string | string[]; url?: string }
}

/**
 * A store for @fastify/rate-limit over rate limits: `app.register(rateLimit, { max: 100, timeWindow: '15 minutes', store:
 * fastifyRateLimitStore(redis.api) })`. Routes with figures of their own have limits of their own:
 * `fastifyRateLimitStore([redis.api, redis.login])`; the one with the same `max` and `timeWindow` counts.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit; PLAN_INVALID when its keys do not have one param
 */
export function fastifyRateLimitStore(limits: Limits): new (options?: unknown) => FastifyRateLimitStore {
  const limitFor = limitsOf('fastifyRateLimitStore', limits)

  function open(prefix: string): FastifyRateLimitStore {
    /** Its answer is always given later, as that of a server is. */
    async function ask(
      [key, answer, windowMs, limit]: Parameters<FastifyRateLimitStore['incr']>,
      step: 'consume' | 'peek',
      count: (result: RateLimitResult) => number,
    ): Promise<void> {
      let result: RateLimitResult
      try {
        result = await limitFor({ limit, windowMs })(prefix + key)[step]()
      } catch (error) {
        answer(error as Error)
        return
      }
      answer(null, { current: count(result), ttl: untilNextMs(result) })
    }

    return {
      incr: (...call) => void ask(call, 'consume', hits),
      read: (...call) => void ask(call, 'peek', ({ limit, remaining }) => limit - Math.floor(remaining)),
      child(route) {
        const { groupId, routeInfo = {} }: RouteLimit = route
        return open(groupId === undefined && routeInfo.url ? `${routeInfo.method} ${routeInfo.url} ` : prefix)
      },
    }
  }

  const root = open('')
  return class implements FastifyRateLimitStore {
    readonly incr = root.incr
    readonly read = root.read
    readonly child = root.child
  }
}
