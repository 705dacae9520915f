import type { ErrorRequestHandler } from 'express'
import { refusalOf } from '../http/unavailable.ts'

/**
 * Answers what failed because Redis could not serve it with 503 and `Retry-After`: `app.use(unavailable())`, behind all routes.
 * Other errors, and those of responses that have begun, go to the next handler.
 */
export function unavailable(): ErrorRequestHandler {
  return (error, _request, response, next) => {
    const refusal = response.headersSent ? undefined : refusalOf(error)
    if (refusal) response.status(refusal.status).set(refusal.headers).end(refusal.body)
    else next(error)
  }
}
