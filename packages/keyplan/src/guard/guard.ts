import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { durationMs } from '../base/duration.ts'
import { errorTable, isKeyplanError, isUnavailable, KeyplanError } from '../base/error.ts'
import type { Breaker, Leave } from './breaker.ts'
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

const shortestPause = 25
const longestPause = 400

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
    const signal = options?.signal
    const ms = options?.deadline ? durationMs(options.deadline, 'deadline') : patience.deadline
    const attempt = fallback && operation.attempt ? operation.attempt : patience.attempt
    const hold = !fallback || operation.hold === true
    // A try that was given less time than a server deserves says nothing of it.
    const impatient = Math.min(ms, attempt) < patience.attempt
    const end = clock.now() + ms
    let pause = shortestPause
    let mayHaveRun = false

    /** Waits while another call probes. */
    async function admitted(verdict: Promise<void>): Promise<Leave> {
      for (let entry: Leave | Promise<void> = verdict; ; entry = breaker.enter(hold)) {
        if (!(entry instanceof Promise)) return entry
        await bounded(entry, end - clock.now(), signal, clock, () => 'not-executed')
      }
    }

    for (;;) {
      let leave: Leave | undefined
      try {
        if (signal?.aborted) throw aborted()
        const entry = breaker.enter(hold)
        leave = entry instanceof Promise ? await admitted(entry) : entry
        // Others wait for a probe, so it is not held longer than a try may take.
        const result = await oneTry(work, {
          attempt,
          end,
          hold,
          heldUntil: fallback || leave.probe ? undefined : end,
          signal,
        })
        leave.succeeded()
        return result
      } catch (error) {
        const rest = restAfter(error, pause)
        const again = !fallback && mayRetry(error, operation) && clock.now() + rest < end
        // A call counts once, when it gives up; a probe counts at once, since others wait for its verdict.
        leave?.[again && !leave.probe ? 'abandoned' : verdict(error, impatient)]()
        mayHaveRun ||= isKeyplanError(error) && error.outcome === 'unknown'
        if (!again) throw mayHaveRun ? unknown(error) : error
        if (rest === 0) continue
        const rested = new Promise<void>(resolve => clock.after(rest, resolve, true))
        await bounded(rested, end - clock.now(), signal, clock, () => (mayHaveRun ? 'unknown' : 'not-executed'))
        pause = Math.min(2 * pause, longestPause)
      }
    }
  }

  interface Try {
    readonly attempt: number
    readonly end: number
    readonly hold: boolean
    readonly heldUntil: number | undefined
    readonly signal: AbortSignal | undefined
  }

  /** The time of a try runs from the moment it is written: a call that is held keeps its place until the deadline. */
  function oneTry<T>(work: (call: Call) => Promise<T>, { attempt, end, ...terms }: Try): Promise<T> {
    const now = clock.now()
    const call: Call = { ...terms, expires: Math.min(now + attempt, end), written: false }
    const working = work(call)
    let held = !call.written
    function more(): number {
      if (!held || call.heldUntil === undefined) return 0
      held = !call.written
      return Math.min(attempt, end - clock.now())
    }
    const outcome = () => (call.written ? 'unknown' : 'not-executed')
    return bounded(working, call.expires - now, call.signal, clock, outcome, 'Redis', more)
  }

  return {
    run: (subject, options, work, fallback) =>
      traced(subject, async () => {
        try {
          return await tryUntil(subject, options, fallback !== undefined, work)
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

const aborted = () => new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome: 'not-executed' })

/** An earlier try may have run, whatever became of the last one. */
function unknown(error: unknown): unknown {
  if (!isKeyplanError(error) || error.outcome === 'unknown') return error
  const { code, message, cause, problems } = error
  return new KeyplanError(code, message, { outcome: 'unknown', cause, problems })
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

/**
 * A server that refuses for now (LOADING, OOM, …) is given time. Whoever lost the link asks at once: the call is held
 * until there is one, and ahead of the calls that are made from now on.
 */
function restAfter(error: unknown, pause: number): number {
  if (!isKeyplanError(error)) return 0
  const linkLost = error.code === 'DISCONNECTED' || error.outcome === 'unknown'
  return linkLost && errorTable[error.code].class === 'link' ? 0 : pause
}

/** A call that has a fallback is never retried: its answer is at hand. */
function mayRetry(error: unknown, operation: Operation): error is KeyplanError {
  if (!isKeyplanError(error) || !error.retryable || error.code === 'BREAKER_OPEN') return false
  if (!isUnavailable(error) || error.code === 'OVERLOADED') return false
  return error.outcome === 'not-executed' || operation.idempotent
}
