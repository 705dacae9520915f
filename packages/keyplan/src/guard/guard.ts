import type { Call, CallOptions } from '../base/call.ts'
import type { Operation } from './operation.ts'

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
