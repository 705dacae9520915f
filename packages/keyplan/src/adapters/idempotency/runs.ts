import { KeyplanError } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { IdempotentRun } from './requests.ts'

const runs = new WeakMap<object, IdempotentRun>()

/** @param request as the framework has it: what its handler is given */
export function noteRun(request: object, run: IdempotentRun): void {
  runs.set(request, run)
}

/**
 * Of a request (in Koa and Hono: the context) that is being worked on under an idempotency key: the token of the operation, the
 * attempt, and a signal. Undefined for a request without a key; with `{ required: true }` an error.
 *
 * @throws KeyplanError PARAM_INVALID with `required`, for a request that is not handled under a key
 */
export function idempotencyOf(request: object, options: { readonly required: true }): IdempotentRun
export function idempotencyOf(request: object, options?: { readonly required?: boolean }): IdempotentRun | undefined
export function idempotencyOf(request: object, options: { readonly required?: boolean } = {}) {
  const [problem] = groupProblems(options, '', ['required'])
  if (problem) throw new KeyplanError('PARAM_INVALID', `idempotencyOf(): ${problem}`)
  const run = runs.get(request)
  if (run || options.required !== true) return run
  throw new KeyplanError(
    'PARAM_INVALID',
    'idempotencyOf(): this request is not handled under an Idempotency-Key; put idempotent() in front of the handler, ' +
      'for its method, and leave required as it is',
  )
}
