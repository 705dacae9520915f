import type { FastifyReply, FastifyRequest } from 'fastify'
import { holdRequests, keyIn } from '../idempotency/held-requests.ts'
import { replaceResponse } from '../idempotency/held-response.ts'
import type { NodeIdempotencyOptions } from '../idempotency/node.ts'
import type { IdempotencyNamespace } from '../idempotency/requests.ts'
import { settingsOf } from '../idempotency/settings.ts'

/** The hook of a route of Fastify 5. */
export interface IdempotentRoute {
  preHandler(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>
}

/**
 * The hook by which a route of Fastify handles a request once for each `Idempotency-Key`: `app.post('/payments',
 * { ...idempotent(redis.requests, { caller: request => request.user.id }) }, handler)`. The parsed body is compared.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open once, and for its options
 */
export function idempotent(
  namespace: IdempotencyNamespace,
  options: NodeIdempotencyOptions<FastifyRequest>,
): IdempotentRoute {
  const settings = settingsOf(options, ['caller', 'body'])
  const { caller, body = request => request.body } = options
  const begin = holdRequests(namespace, settings)

  return {
    async preHandler(request, reply) {
      const answer = await begin(
        {
          subject: request,
          method: request.method,
          target: request.url,
          key: keyIn(request.headers),
          caller: caller(request),
          body: body(request),
        },
        { response: reply.raw, headers: reply.getHeaders(), failed: error => reply.send(error) },
      )
      if (!answer) return undefined
      replaceResponse(reply.raw, answer)
      return reply
        .code(answer.status)
        .headers({ ...answer.headers })
        .send(Buffer.from(answer.body))
    },
  }
}
