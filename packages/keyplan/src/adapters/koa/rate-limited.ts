import type { Context, Next } from 'koa'
import { createHttpLimit } from '../http/limit.ts'
import type { HttpLimitOptions, OpenLimit, SeveralLimits, SharedOptions } from '../http/limit-options.ts'
import { onceSent, senderOf, setHeaders } from '../http/node.ts'
import type { Header } from '../http/rate-headers.ts'

export type RateLimitedOptions<Params> = HttpLimitOptions<Context, Params>

/** A middleware of Koa. */
export type KoaMiddleware = (context: Context, next: Next) => Promise<void>

/**
 * A rate limit in front of what follows: `app.use(rateLimited(redis.api))`. It says `RateLimit` with each response; what
 * is refused is answered with 429, or 503 when Redis cannot be asked and `whenDown` is `deny`.
 *
 * Several are decided on in one step, where what one denies is taken from none: `rateLimited([redis.perIp, { limit: redis.perKey,
 * params, name: 'key' }])`. On a cluster their keys must share a slot.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit, and for options; PLAN_INVALID without `params` when the
 * pattern does not have one param
 */
export function rateLimited<const All extends readonly unknown[]>(
  limits: SeveralLimits<Context, All>,
  options?: SharedOptions<RateLimitedOptions<never>>,
): KoaMiddleware
export function rateLimited<Params>(namespace: OpenLimit<Params>, options?: RateLimitedOptions<Params>): KoaMiddleware
export function rateLimited<Params>(
  given: OpenLimit<Params> | readonly unknown[],
  options?: RateLimitedOptions<Params>,
): KoaMiddleware {
  const limit = createHttpLimit('rateLimited', given, options)
  return async (context, next) => {
    const verdict = await limit(context, senderOf(context.req))
    const { headers, refusal } = verdict
    onceSent(context.res, verdict)
    if (!context.headerSent) setHeaders(context.res, headers)
    if (!refusal) {
      try {
        await next()
      } catch (error) {
        keepHeaders(error, context, headers)
        throw error
      }
      return
    }
    context.status = refusal.status
    context.body = refusal.body
    context.type = refusal.contentType
  }
}

/** Koa's answer to an error has no headers but those of the error. */
function keepHeaders(error: unknown, { res }: Context, headers: readonly Header[]): void {
  if (!(error instanceof Error) || !Object.isExtensible(error)) return
  const { headers: own = {} } = error as Error & { readonly headers?: object }
  const kept = Object.fromEntries(headers.map(([name]) => [name, res.getHeader(name)]))
  Object.assign(error, { headers: { ...own, ...kept } })
}
