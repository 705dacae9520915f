import type { IncomingMessage, ServerResponse } from 'node:http'
import { holdRequests, keyIn } from './held-requests.ts'
import { sendAnswer } from './held-response.ts'
import type { IdempotencyNamespace } from './requests.ts'
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
  const begin = holdRequests(namespace, settings)

  return async (request, response, next) => {
    try {
      const answer = await begin(
        {
          subject: request,
          method: request.method ?? '',
          target: request.originalUrl ?? request.url ?? '',
          key: keyIn(request.headers),
          caller: caller(request),
          body: body(request),
        },
        { response, failed: next },
      )
      if (answer) sendAnswer(response, answer)
      else next()
    } catch (error) {
      if (!response.headersSent && !response.destroyed) next(error)
    }
  }
}
