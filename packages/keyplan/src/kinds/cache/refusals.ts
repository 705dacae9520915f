import { type CallOptions, checkOptions } from '../../base/call.ts'
import { type ErrorCode, isKeyplanError, KeyplanError, kindOf } from '../../base/error.ts'

/** What a caller did wrong is told with the namespace that it was done to. */
export interface Refusals {
  /** Names the namespace in what the work throws. */
  named<T>(work: () => T): T
  /** @throws KeyplanError PARAM_INVALID, see `checkOptions` */
  check(options: CallOptions | undefined, own?: readonly string[]): void
  /** For who loads with a `ttl`, which looks as if the value would be stored for it. */
  checkLoad(verb: string, options: CallOptions | undefined, remedy: string): void
  misuse(verb: string, given: unknown, remedy: string): KeyplanError
  refusal(code: ErrorCode, message: string): KeyplanError
}

/** @param source the pattern, by which messages name what was called */
export function refusalsOf(namespace: string, source: string): Refusals {
  function named<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (isKeyplanError(error)) error.namespace ??= namespace
      throw error
    }
  }
  const refusal = (code: ErrorCode, message: string) =>
    new KeyplanError(code, message, { namespace, outcome: 'not-executed' })
  return {
    named,
    refusal,
    check(options, own) {
      if (options !== undefined) named(() => checkOptions(options, own))
    },
    checkLoad(verb, options, remedy) {
      if (typeof options !== 'object' || options === null || !('ttl' in options)) return
      throw refusal('PARAM_INVALID', `ttl is no option of ${verb} of '${source}'; ${remedy}`)
    },
    misuse: (verb, given, remedy) =>
      refusal('PARAM_INVALID', `${verb} of '${source}' was given ${kindOf(given)}; give it ${remedy}`),
  }
}
