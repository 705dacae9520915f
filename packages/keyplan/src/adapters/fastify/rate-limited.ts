import type { FastifyReply, FastifyRequest } from 'fastify'
import { createHttpLimit } from '../http/limit.ts'
import type { HttpLimitOptions, OpenLimit, SeveralLimits, SharedOptions } from '../http/limit-options.ts'
import { onceSent, senderOf } from '../http/node.ts'
import { isAddedTo } from '../http/rate-headers.ts'

export type RateLimitedOptions<Params> = HttpLimitOptions<FastifyRequest, Params>

/** A hook of Fastify 5. */
export type FastifyHook = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply | undefined>

/**
 * A rate limit as a hook: `app.addHook('onRequest', rateLimited(redis.api))` for all routes of an instance, or
 * `{ onRequest: rateLimited(redis.login) }` for one; as `preHandler` its functions see the parsed body. It says `RateLimit`
 * with each response; what is refused is answered with 429, or 503 when Redis cannot be asked and `whenDown` is `deny`.
 *
 * Several are decided on in one step, where what one denies is taken from none: `rateLimited([redis.perIp, { limit: redis.perKey,
 * params, name: 'key' }])`. On a cluster their keys must share a slot.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit, and for options; PLAN_INVALID without `params` when the
 * pattern does not have one param
 */
export function rateLimited<const All extends readonly unknown[]>(
  limits: SeveralLimits<FastifyRequest, All>,
  options?: SharedOptions<RateLimitedOptions<never>>,
): FastifyHook
export function rateLimited<Params>(namespace: OpenLimit<Params>, options?: RateLimitedOptions<Params>): FastifyHook
export function rateLimited<Params>(
  given: OpenLimit<Params> | readonly unknown[],
  options?: RateLimitedOptions<Params>,
): FastifyHook {
  const limit = createHttpLimit('rateLimited', given, options)
  return async (request, reply) => {
    const verdict = await limit(request, senderOf(request.raw))
    const { headers, refusal } = verdict
    onceSent(reply.raw, verdict)
    for (const [name, value] of headers) {
      const before = isAddedTo(name) ? reply.getHeader(name) : undefined
      reply.header(name, before === undefined ? value : `${before}, ${value}`)
    }
    if (!refusal) return undefined
    return reply.code(refusal.status).type(refusal.contentType).send(refusal.body)
  }
}
