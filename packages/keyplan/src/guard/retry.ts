import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { durationMs } from '../base/duration.ts'
import { isKeyplanError, KeyplanError } from '../base/error.ts'
import type { Breaker, Leave } from './breaker.ts'
import { bounded } from './deadline.ts'
import type { Operation } from './operation.ts'
import { asUnknown, mayRetry, restAfter, verdict } from './verdict.ts'

/** Milliseconds. */
export interface Patience {
  /** The longest one try may take. */
  readonly attempt: number
  /** The longest a call may take, with all its tries. */
  readonly deadline: number
}

/**
 * Runs `work` until it succeeds, its outcome forbids another try, or the deadline is near. With a fallback at hand it
 * is tried once.
 */
export type Retry = <T>(
  operation: Operation,
  options: CallOptions | undefined,
  fallback: boolean,
  work: (call: Call) => Promise<T>,
) => Promise<T>

const shortestPause = 25
const longestPause = 400

export function createRetry(patience: Patience, breaker: Breaker, clock: Clock): Retry {
  async function retry<T>(
    operation: Operation,
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
    async function admitted(first: Promise<void>): Promise<Leave> {
      for (let entry: Leave | Promise<void> = first; ; entry = breaker.enter(hold)) {
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
        const expires = Math.min(clock.now() + attempt, end)
        // Others wait for a probe, so it is not held longer than a try may take.
        const heldUntil = fallback || leave.probe ? undefined : end
        const result = await oneTry({ expires, hold, heldUntil, signal, written: false }, attempt, work)
        leave.succeeded()
        return result
      } catch (error) {
        const rest = restAfter(error, pause)
        const again = !fallback && mayRetry(error, operation) && clock.now() + rest < end
        // A call counts once, when it gives up; a probe counts at once, since others wait for its verdict.
        leave?.[again && !leave.probe ? 'abandoned' : verdict(error, impatient)]()
        mayHaveRun ||= isKeyplanError(error) && error.outcome === 'unknown'
        if (!again) throw mayHaveRun ? asUnknown(error) : error
        if (rest === 0) continue
        const rested = new Promise<void>(resolve => clock.after(rest, resolve, true))
        await bounded(rested, end - clock.now(), signal, clock, () => (mayHaveRun ? 'unknown' : 'not-executed'))
        pause = Math.min(2 * pause, longestPause)
      }
    }
  }

  /** The time of a try runs from the moment it is written: a call that is held keeps its place until the deadline. */
  function oneTry<T>(call: Call, attempt: number, work: (call: Call) => Promise<T>): Promise<T> {
    const working = work(call)
    let held = !call.written
    function more(): number {
      if (!held || call.heldUntil === undefined) return 0
      held = !call.written
      return Math.min(attempt, call.heldUntil - clock.now())
    }
    const outcome = () => (call.written ? 'unknown' : 'not-executed')
    return bounded(working, call.expires - clock.now(), call.signal, clock, outcome, 'Redis', more)
  }

  return retry
}

export const aborted = () =>
  new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome: 'not-executed' })
