import type { Context, ErrorHandler } from 'hono'
import { refusalOf } from '../http/unavailable.ts'

/**
 * Answers what failed because Redis could not serve it with 503 and `Retry-After`: `app.onError(unavailable())`.
 *
 * @param otherwise answers other errors. Default: as Hono does, with their own response, or 500 and a line on the console
 */
export function unavailable(otherwise: ErrorHandler = asHono): ErrorHandler {
  return (error, context) => {
    const refusal = refusalOf(error)
    return refusal ? context.body(refusal.body, refusal.status, refusal.headers) : otherwise(error, context)
  }
}

function asHono(error: Error, context: Context): Response {
  if ('getResponse' in error && typeof error.getResponse === 'function') return error.getResponse()
  console.error(error)
  return context.text('Internal Server Error', 500)
}
