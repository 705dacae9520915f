import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { isKeyplanError, isUnavailable, type KeyplanError } from '../base/error.ts'
import type { Breaker } from './breaker.ts'
import type { Operation } from './operation.ts'
import { aborted, createRetry, type Patience } from './retry.ts'
import { traced } from './trace.ts'

/** What is being done, for traces and errors. */
export interface Subject {
  readonly namespace: string
  /** The step of the store, e.g. `acquire`. */
  readonly name: string
  readonly operation: Operation
}

/** Resilience and telemetry round one operation: trace, then fallback, then breaker, then deadline and retries. */
export interface Guard {
  /**
   * Runs `work` until it succeeds, its outcome forbids another try, or the deadline is near. When Redis cannot
   * serve it (`isUnavailable`), `fallback` answers instead, if there is one.
   *
   * @throws KeyplanError with the namespace, the operation and the outcome
   */
  run<T>(
    subject: Subject,
    options: CallOptions | undefined,
    work: (call: Call) => Promise<T>,
    fallback?: (call: Call) => Promise<T>,
  ): Promise<T>
}

export function createGuard(
  patience: Patience,
  breaker: Breaker,
  clock: Clock,
  onFallback: (subject: Subject, error: KeyplanError) => void,
): Guard {
  const retry = createRetry(patience, breaker, clock)

  return {
    run: (subject, options, work, fallback) =>
      traced(subject, async () => {
        try {
          return await retry(subject.operation, options, fallback !== undefined, work)
        } catch (error) {
          name(error, subject)
          if (!fallback || !isUnavailable(error)) throw error
          onFallback(subject, error)
          return fallback({ expires: Number.POSITIVE_INFINITY, hold: false, written: false })
        }
      }),
  }
}

/** A guard for stores that have no server to fail: it traces, and it honours the caller's signal. */
export function createBareGuard(): Guard {
  return {
    run: (subject, options, work) =>
      traced(subject, async () => {
        try {
          const { signal } = options ?? {}
          if (signal?.aborted) throw aborted()
          return await work({ expires: Number.POSITIVE_INFINITY, hold: false, signal, written: false })
        } catch (error) {
          name(error, subject)
          throw error
        }
      }),
  }
}

function name(error: unknown, subject: Subject): void {
  if (!isKeyplanError(error)) return
  error.namespace ??= subject.namespace
  error.operation ??= subject.name
}
