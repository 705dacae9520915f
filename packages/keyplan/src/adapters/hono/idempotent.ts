import type { Context, MiddlewareHandler } from 'hono'
import type { NodeIdempotencyOptions } from '../idempotency/node.ts'
import { createIdempotency, type IdempotencyNamespace } from '../idempotency/requests.ts'
import { isEventStream } from '../idempotency/response.ts'
import { settingsOf } from '../idempotency/settings.ts'

/**
 * A middleware for Hono that handles a request once for each `Idempotency-Key`: `app.post('/payments',
 * idempotent(redis.requests, { caller: context => context.get('user').id }), handler)`. Put it behind the authentication. The
 * text of the body is compared.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open once, and for its options
 */
export function idempotent(
  namespace: IdempotencyNamespace,
  options: NodeIdempotencyOptions<Context>,
): MiddlewareHandler {
  const settings = settingsOf(options, ['caller', 'body'])
  const { caller, body = ({ req }) => req.text() } = options
  const idempotency = createIdempotency(namespace, settings)

  return async (context, next) => {
    const { req } = context
    const request = {
      subject: context,
      method: req.method,
      target: req.url.slice(new URL(req.url).origin.length),
      key: req.header('idempotency-key'),
      caller: caller(context),
      body: settings.methods.has(req.method) ? await body(context) : undefined,
      get left() {
        return req.raw.signal
      },
    }
    const before = new Headers(context.res.headers)
    const verdict = await idempotency.handle(request, async () => {
      await next()
      return {
        status: byHand(context) ?? context.res.status,
        headers: Object.fromEntries(context.res.headers),
        body: await bytesOf(context, settings.maxBody),
      }
    })
    if (verdict.kind === 'pass') await next()
    if (verdict.kind !== 'answer' || byHand(context)) return
    const { status, headers, body: answer } = verdict.answer
    for (const [name, value] of Object.entries(headers)) before.set(name, value)
    // Else it would take over the headers of what the application made.
    context.res = undefined
    context.res = new Response(answer.length > 0 ? Buffer.from(answer) : null, { status, headers: before })
  }
}

/** The status of a response that was sent past Hono, as `RESPONSE_ALREADY_SENT` of @hono/node-server says. */
function byHand({ res, env }: Context): number | undefined {
  if (!res.headers.has('x-hono-already-sent')) return undefined
  const { outgoing }: { outgoing?: { statusCode: number } } = env ?? {}
  return outgoing?.statusCode ?? res.status
}

/** The body of the response, which is sent from a copy; undefined for what is too large, a stream of events, or sent by hand. */
async function bytesOf(context: Context, most: number): Promise<Uint8Array | undefined> {
  const { res } = context
  if (!res.body) return byHand(context) ? undefined : new Uint8Array()
  if (isEventStream(res.headers.get('content-type'))) return undefined
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = res.clone().body?.getReader()
  const chunks: Uint8Array[] = []
  let size = 0
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true }
    if (done) return Buffer.concat(chunks)
    size += value.length
    if (size > most) {
      // Settles once the other copy is sent as well, which it is only after this.
      reader?.cancel().catch(() => {})
      return undefined
    }
    chunks.push(value)
  }
}
