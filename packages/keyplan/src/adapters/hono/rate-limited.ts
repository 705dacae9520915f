import type { Context, MiddlewareHandler } from 'hono'
import { createHttpLimit } from '../http/limit.ts'
import type { HttpLimitOptions, OpenLimit, SeveralLimits, SharedOptions } from '../http/limit-options.ts'
import { isAddedTo } from '../http/rate-headers.ts'

export interface RateLimitedOptions<Params> extends HttpLimitOptions<Context, Params> {
  /**
   * Gives the address of the connection where the server is not `@hono/node-server`:
   * `context => getConnInfo(context).remote.address`.
   */
  remoteAddress?: ((context: Context) => string | undefined) | undefined
}

/** What `@hono/node-server` gives along with a request. */
interface NodeBindings {
  readonly incoming?: {
    readonly socket?: { readonly remoteAddress?: string | undefined; readonly destroyed?: boolean }
  }
}

const socketOf = ({ env }: Context) => (env as NodeBindings | undefined)?.incoming?.socket

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
): MiddlewareHandler
export function rateLimited<Params>(
  namespace: OpenLimit<Params>,
  options?: RateLimitedOptions<Params>,
): MiddlewareHandler
export function rateLimited<Params>(
  given: OpenLimit<Params> | readonly unknown[],
  options: RateLimitedOptions<Params> = {},
): MiddlewareHandler {
  const { remoteAddress = context => socketOf(context)?.remoteAddress, ...rest } = options
  const limit = createHttpLimit('rateLimited', given, rest)
  return async (context, next) => {
    const sender = {
      remoteAddress: remoteAddress(context),
      gone: socketOf(context)?.destroyed === true,
      header: (name: string) => context.req.header(name),
    }
    const { headers, refusal, sent } = await limit(context, sender)
    // The context's own response gives its headers to whichever the application returns.
    const own = context.res.headers
    for (const [name, value] of headers) {
      if (isAddedTo(name)) own.append(name, value)
      else own.set(name, value)
    }
    if (refusal) return context.body(refusal.body, refusal.status, { 'Content-Type': refusal.contentType })
    await next()
    sent?.(context.res.status)
    return undefined
  }
}
