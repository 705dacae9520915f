import type { Context, Next } from 'koa'
import { holdRequests } from '../idempotency/held-requests.ts'
import { replaceResponse } from '../idempotency/held-response.ts'
import type { NodeIdempotencyOptions } from '../idempotency/node.ts'
import type { IdempotencyNamespace } from '../idempotency/requests.ts'
import { idempotencyOf } from '../idempotency/runs.ts'
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
  const begin = holdRequests(namespace, settings)

  return async (context, next) => {
    const { res } = context
    const answer = await begin(
      {
        subject: context,
        method: context.method,
        target: context.originalUrl,
        key: context.get('idempotency-key') || undefined,
        caller: caller(context),
        body: body(context),
      },
      { response: res, failed: error => context.onerror(error as Error) },
    )
    if (answer) {
      replaceResponse(res, answer)
      context.status = answer.status
      context.body = Buffer.from(answer.body)
      context.set({ ...answer.headers })
      return
    }
    try {
      await next()
    } finally {
      if (idempotencyOf(context)) answerTheGone(context)
    }
  }
}

/** Koa answers nobody who has gone. What it would have said is wanted all the same, for when they ask again. */
function answerTheGone(context: Context): void {
  const { res, response } = context
  const get = () => response.writable || (res.destroyed && !res.writableEnded)
  Object.defineProperty(context, 'writable', { configurable: true, get })
}

const parsedBody = ({ request }: Context): unknown => 'body' in request && request.body
