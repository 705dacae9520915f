import { Stream } from 'node:stream'
import type { Context, Next } from 'koa'
import { noteHeaders } from '../idempotency/earlier-headers.ts'
import type { NodeIdempotencyOptions } from '../idempotency/node.ts'
import { createIdempotency, type IdempotencyNamespace } from '../idempotency/requests.ts'
import { noteRun } from '../idempotency/runs.ts'
import { settingsOf } from '../idempotency/settings.ts'

/**
 * A middleware for Koa that handles a request once for each `Idempotency-Key`: `router.post('/payments',
 * idempotent(redis.requests, { caller: context => context.state.user.id }), handler)`. Put it behind the authentication and the
 * parser of the body, whose `context.request.body` is compared.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open once, and for its options
 */
export function idempotent(
  namespace: IdempotencyNamespace,
  options: NodeIdempotencyOptions<Context>,
): (context: Context, next: Next) => Promise<void> {
  const settings = settingsOf(options, ['caller', 'body'])
  const { caller, body = parsedBody } = options
  const idempotency = createIdempotency(namespace, settings)

  return async (context, next) => {
    const request = {
      method: context.method,
      target: context.originalUrl,
      key: context.get('idempotency-key') || undefined,
      caller: caller(context),
      body: body(context),
    }
    const removeItsHeaders = noteHeaders(context.res)
    const verdict = await idempotency.handle(request, async run => {
      noteRun(context, run)
      await next()
      const made = bytesOf(context.body)
      return {
        status: context.status,
        headers: textHeaders(context.response.headers),
        body: made && made.length <= settings.maxBody ? made : undefined,
      }
    })
    if (verdict.kind === 'pass') await next()
    if (verdict.kind !== 'answer') return
    // What was made in its place is not sent.
    removeItsHeaders()
    context.status = verdict.answer.status
    context.body = Buffer.from(verdict.answer.body)
    context.set({ ...verdict.answer.headers })
  }
}

const parsedBody = ({ request }: Context): unknown => 'body' in request && request.body

/** What Koa will send of a body; undefined for what it streams. */
function bytesOf(body: unknown): Uint8Array | undefined {
  if (body === undefined || body === null) return new Uint8Array()
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  if (body instanceof Stream || body instanceof ReadableStream || body instanceof Blob || body instanceof Response) {
    return undefined
  }
  return Buffer.from(JSON.stringify(body))
}

function textHeaders(headers: object): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]))
}
