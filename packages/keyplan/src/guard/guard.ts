import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { durationMs } from '../base/duration.ts'
import { errorTable, isKeyplanError, isUnavailable, type KeyplanError } from '../base/error.ts'
import type { Breaker } from './breaker.ts'
import { bounded } from './deadline.ts'
import type { Operation } from './operation.ts'
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

/** Milliseconds. */
export interface Patience {
  /** The longest one try may take. */
  readonly attempt: number
  /** The longest a call may take, with all its tries. */
  readonly deadline: number
}

const pauseMs = 25

export function createGuard(
  patience: Patience,
  breaker: Breaker,
  clock: Clock,
  onFallback: (subject: Subject, error: KeyplanError) => void,
): Guard {
  async function tryUntil<T>(
    { operation }: Subject,
    options: CallOptions | undefined,
    fallback: boolean,
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const ms = options?.deadline ? durationMs(options.deadline, 'deadline') : patience.deadline
    const attempt = fallback && operation.attempt ? operation.attempt : patience.attempt
    const hold = !fallback || operation.hold === true
    const end = clock.now() + ms
    for (;;) {
      const entry = breaker.enter(hold)
      if (entry) await bounded(entry, end - clock.now(), options?.signal, clock, () => outcomeOf(undefined))
      const now = clock.now()
      const call: Call = { expires: Math.min(now + attempt, end), hold, signal: options?.signal, written: false }
      try {
        const result = await bounded(work(call), call.expires - now, call.signal, clock, () => outcomeOf(call))
        breaker.succeeded()
        return result
      } catch (error) {
        const again = !fallback && mayRetry(error, operation) && clock.now() + pauseMs < end
        // A call counts once, when it gives up; a probe counts at once, since others wait for its verdict.
        if (!again || breaker.state === 'half-open') breaker[verdict(error, ms < attempt)]()
        if (!again) throw error
        await new Promise<void>(resolve => clock.after(pauseMs, resolve))
      }
    }
  }

  return {
    run: (subject, options, work, fallback) =>
      traced(subject, async () => {
        try {
          return await tryUntil(subject, options, fallback !== undefined, work)
        } catch (error) {
          if (isKeyplanError(error)) {
            error.namespace ??= subject.namespace
            error.operation ??= subject.name
          }
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
        options?.signal?.throwIfAborted()
        return work({ expires: Number.POSITIVE_INFINITY, hold: false, signal: options?.signal, written: false })
      }),
  }
}

/**
 * What an error says of the server. Only a link that does not answer speaks against it: an error reply shows that it
 * lives. A caller who left, or gave less time than a try takes, says nothing.
 */
function verdict(error: unknown, impatient: boolean): 'failed' | 'succeeded' | 'abandoned' {
  if (!isKeyplanError(error)) return 'succeeded'
  if (error.code === 'ABORTED' || (error.code === 'TIMEOUT' && impatient)) return 'abandoned'
  if (error.code === 'CLOSED' || error.code === 'OVERLOADED') return 'abandoned'
  return errorTable[error.code].class === 'link' ? 'failed' : 'succeeded'
}

/** A call that has a fallback is never retried: its answer is at hand. */
function mayRetry(error: unknown, operation: Operation): boolean {
  if (!isKeyplanError(error) || !error.retryable || error.code === 'BREAKER_OPEN') return false
  if (!isUnavailable(error) || error.code === 'OVERLOADED') return false
  return error.outcome === 'not-executed' || operation.idempotent
}

function outcomeOf(call: Call | undefined): 'unknown' | 'not-executed' {
  return call?.written ? 'unknown' : 'not-executed'
}
