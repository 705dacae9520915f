import type { FastifyReply, FastifyRequest } from 'fastify'
import type { NodeIdempotencyOptions } from '../idempotency/node.ts'
import {
  createIdempotency,
  type IdempotencyNamespace,
  type IdempotencyVerdict,
  type IdempotentRun,
} from '../idempotency/requests.ts'
import type { HttpAnswer, ProducedResponse } from '../idempotency/response.ts'
import { noteRun } from '../idempotency/runs.ts'
import { settingsOf } from '../idempotency/settings.ts'

/** Hooks of a route of Fastify 5. */
export interface IdempotentRoute {
  preHandler(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>
  onSend(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown>
  onResponse(request: FastifyRequest): Promise<void>
}

/** A request whose handler is at work. */
interface Work {
  produced(response: ProducedResponse): void
  failed(error: Error): void
  /** The headers that stood there before it began. */
  readonly before: ReturnType<FastifyReply['getHeaders']>
  readonly verdict: Promise<IdempotencyVerdict>
}

/**
 * The hooks by which a route of Fastify handles a request once for each `Idempotency-Key`: `app.post('/payments',
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
  const idempotency = createIdempotency(namespace, settings)
  const working = new WeakMap<FastifyRequest, Work>()

  /** Begins the work, if it is to be done, and resolves as soon as that is known. */
  async function begin(request: FastifyRequest, reply: FastifyReply): Promise<IdempotencyVerdict | 'work'> {
    const key = request.headers['idempotency-key']
    const asked = {
      method: request.method,
      target: request.url,
      key: Array.isArray(key) ? key.join(', ') : key,
      caller: caller(request),
      body: body(request),
    }
    return new Promise((resolve, reject) => {
      const work = (run: IdempotentRun) =>
        new Promise<ProducedResponse>((produced, failed) => {
          noteRun(request, run)
          working.set(request, { produced, failed, before: { ...reply.getHeaders() }, verdict })
          resolve('work')
        })
      const verdict = Promise.resolve().then(() => idempotency.handle(asked, work))
      verdict.then(resolve, reject)
    })
  }

  return {
    async preHandler(request, reply) {
      const verdict = await begin(request, reply)
      if (verdict === 'work' || verdict.kind === 'pass') return undefined
      return verdict.kind === 'answer' ? reply.send(head(reply, verdict.answer)) : undefined
    },
    async onSend(request, reply, payload) {
      const work = working.get(request)
      if (!work) return payload
      working.delete(request)
      const made = bytesOf(payload)
      work.produced({
        status: reply.statusCode,
        headers: textHeaders(reply.getHeaders()),
        body: made && made.length <= settings.maxBody ? made : undefined,
      })
      const verdict = await work.verdict
      if (verdict.kind !== 'answer') return payload
      // What was made in its place is not sent.
      for (const name of Object.keys(reply.getHeaders())) reply.removeHeader(name)
      reply.headers(work.before)
      return head(reply, verdict.answer)
    },
    async onResponse(request) {
      working.get(request)?.failed(new Error('the response was sent past Fastify'))
      working.delete(request)
    },
  }
}

function head(reply: FastifyReply, { status, headers, body }: HttpAnswer): Buffer {
  reply.code(status).headers({ ...headers })
  return Buffer.from(body)
}

/** What Fastify is about to send; undefined for a stream. */
function bytesOf(payload: unknown): Uint8Array | undefined {
  if (payload === undefined || payload === null) return new Uint8Array()
  if (typeof payload === 'string') return Buffer.from(payload)
  return payload instanceof Uint8Array ? payload : undefined
}

function textHeaders(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
