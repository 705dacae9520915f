import { refusalOf } from '../http/unavailable.ts'
import type { KoaMiddleware } from './rate-limited.ts'

/**
 * Answers what failed because Redis could not serve it with 503 and `Retry-After`: `app.use(unavailable())`, in front of all that
 * it is for. Other errors, and those of responses that have begun, are passed on.
 */
export function unavailable(): KoaMiddleware {
  return async (context, next) => {
    try {
      await next()
    } catch (error) {
      const refusal = context.headerSent ? undefined : refusalOf(error)
      if (!refusal) throw error
      context.status = refusal.status
      context.body = refusal.body
      context.set(refusal.headers)
    }
  }
}
