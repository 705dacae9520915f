import type { NextFunction, Request, Response } from 'express'
import { createHttpLimit } from '../http/limit.ts'
import type { HttpLimitOptions, OpenLimit, SeveralLimits, SharedOptions } from '../http/limit-options.ts'
import { answered, senderOf } from '../http/node.ts'

export type RateLimitedOptions<Params> = HttpLimitOptions<Request, Params>

/** A middleware of Express 4 and 5. */
export type ExpressMiddleware = (request: Request, response: Response, next: NextFunction) => Promise<void>

/**
 * A rate limit in front of what follows: `app.use(rateLimited(redis.api))`. It says `RateLimit` with each response; what
 * is refused is answered with 429, or 503 when Redis cannot be asked and `whenDown` is `deny`. Errors go to `next`.
 *
 * Several are decided on in one step, where what one denies is taken from none: `rateLimited([redis.perIp, { limit: redis.perKey,
 * params, name: 'key' }])`. On a cluster their keys must share a slot.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit, and for options; PLAN_INVALID without `params` when the
 * pattern does not have one param
 */
export function rateLimited<const All extends readonly unknown[]>(
  limits: SeveralLimits<Request, All>,
  options?: SharedOptions<RateLimitedOptions<never>>,
): ExpressMiddleware
export function rateLimited<Params>(
  namespace: OpenLimit<Params>,
  options?: RateLimitedOptions<Params>,
): ExpressMiddleware
export function rateLimited<Params>(
  given: OpenLimit<Params> | readonly unknown[],
  options?: RateLimitedOptions<Params>,
): ExpressMiddleware {
  const limit = createHttpLimit('rateLimited', given, options)
  return async (request, response, next) => {
    try {
      if (answered(response, await limit(request, senderOf(request)))) return
    } catch (error) {
      next(error)
      return
    }
    next()
  }
}
