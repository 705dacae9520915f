import type { IncomingMessage, ServerResponse } from 'node:http'
import { type HeldResponse, holdResponse } from './held-response.ts'
import { createIdempotency, type IdempotencyNamespace } from './requests.ts'
import type { HttpAnswer } from './response.ts'
import { noteRun } from './runs.ts'
import { type IdempotencyOptions, settingsOf } from './settings.ts'

/** What Express, or another that has middleware of its form, adds to a request of Node's. */
interface Parsed {
  readonly originalUrl?: string
  readonly body?: unknown
}

export interface NodeIdempotencyOptions<Request> extends IdempotencyOptions {
  /** Who asks: the id of the user or tenant that was authenticated before. The keys of two callers never meet. */
  caller(request: Request): string | undefined
  /** What is compared when a key comes again. Default: `request.body`, so put it behind the parser. */
  body?(request: Request): unknown
}

/**
 * A middleware for Express, and for whatever takes `(request, response, next)` over Node's own:
 * `app.post('/payments', idempotent(redis.requests, { caller: request => request.user.id }), handler)`.
 * Put it behind the authentication and the parser of the body.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open once, and for its options
 */
export function idempotent<Request extends IncomingMessage & Parsed>(
  namespace: IdempotencyNamespace,
  options: NodeIdempotencyOptions<Request>,
): (request: Request, response: ServerResponse, next: (error?: unknown) => void) => Promise<void> {
  const settings = settingsOf(options, ['caller', 'body'])
  const { caller, body = request => request.body } = options
  const idempotency = createIdempotency(namespace, settings)

  return async (request, response, next) => {
    let held: HeldResponse | undefined
    try {
      const key = request.headers['idempotency-key']
      const verdict = await idempotency.handle(
        {
          method: request.method ?? '',
          target: request.originalUrl ?? request.url ?? '',
          key: Array.isArray(key) ? key.join(', ') : key,
          caller: caller(request),
          body: body(request),
        },
        run => {
          noteRun(request, run)
          held = holdResponse(response, settings.maxBody)
          next()
          return held.produced
        },
      )
      if (verdict.kind === 'pass') next()
      else if (verdict.kind === 'ran') held?.release()
      else {
        held?.discard()
        send(response, verdict.answer)
      }
    } catch (error) {
      held?.discard()
      if (!response.headersSent && !response.destroyed) next(error)
    }
  }
}

function send(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  // The client has gone, or has been answered as the response was made.
  if (response.headersSent || response.destroyed) return
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}
