import type { IdempotentRun } from './requests.ts'

const runs = new WeakMap<object, IdempotentRun>()

/** @param request as the framework has it: what its handler is given */
export function noteRun(request: object, run: IdempotentRun): void {
  runs.set(request, run)
}

/**
 * Of a request (in Koa and Hono: the context) that is being worked on under an idempotency key: the token of the operation, the
 * attempt, and a signal.
 */
export function idempotencyOf(request: object): IdempotentRun | undefined {
  return runs.get(request)
}
