import type { NextFunction, Request, Response } from 'express'
import { createHttpLimit } from '../http/limit.ts'
import type { HttpLimitOptions, OpenLimit } from '../http/limit-options.ts'
import { answered, senderOf } from '../http/node.ts'

export type RateLimitedOptions<Params> = HttpLimitOptions<Request, Params>

/** A middleware of Express 4 and 5. */
export type ExpressMiddleware = (request: Request, response: Response, next: NextFunction) => Promise<void>

/**
 * A rate limit in front of what follows: `app.use(rateLimited(redis.api))`. It says `RateLimit` with each response; what
 * is refused is answered with 429, or 503 when Redis cannot be asked and `whenDown` is `deny`. Errors go to `next`.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit, and for options; PLAN_INVALID without `params` when the
 * pattern does not have one param
 */
export function rateLimited<Params>(
  namespace: OpenLimit<Params>,
  options?: RateLimitedOptions<Params>,
): ExpressMiddleware {
  const limit = createHttpLimit('rateLimited', namespace, options)
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
