import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { durationMs } from '../base/duration.ts'
import { errorTable, isKeyplanError, KeyplanError } from '../base/error.ts'
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
  readonly retry?: {
    /** Most tries after the first. Default: as many as the deadline allows. */
    readonly attempts: number | undefined
    /** The pause before the second try; it doubles with each. Default 25. */
    readonly delay: number
  }
}

/**
 * Runs `work` until it succeeds, its outcome forbids another try, or the deadline is near. With a fallback at hand it
 * is tried once.
 */
export type Retry = <T>(terms: Terms, onRetry: () => void, work: (call: Call) => Promise<T>) => Promise<T>

interface Terms {
  readonly operation: Operation
  readonly options: CallOptions | undefined
  /** Whether a fallback is at hand. */
  readonly fallback: boolean
  readonly key: string | undefined
}

const longestPause = 400

const unbounded: NonNullable<Patience['retry']> = { attempts: undefined, delay: 25 }

export function createRetry(patience: Patience, breakerOf: (key: string | undefined) => Breaker, clock: Clock): Retry {
  async function retry<T>(
    { operation, options, fallback, key }: Terms,
    onRetry: () => void,
    work: (call: Call) => Promise<T>,
  ): Promise<T> {
    const signal = options?.signal
    const ms = options?.deadline ? durationMs(options.deadline, 'deadline') : patience.deadline
    const attempt = fallback && operation.attempt ? operation.attempt : patience.attempt
    const hold = fallback ? operation.hold === true && 'blip' : true
    const patient = hold !== false
    // A try that was given less time than a server deserves says nothing of it.
    const impatient = Math.min(ms, attempt) < patience.attempt
    const end = clock.now() + ms
    const { attempts = Number.POSITIVE_INFINITY, delay } = patience.retry ?? unbounded
    let pause = delay
    let tries = 0
    let mayHaveRun = false
    let refusal: KeyplanError | undefined

    /** A try for which there was no time any more tells less than what the server said before it. */
    const telling = (error: unknown) =>
      isKeyplanError(error, 'TIMEOUT') && error.outcome === 'not-executed' ? (refusal ?? error) : error

    /** Waits while another call probes. */
    async function admitted(breaker: Breaker, first: Promise<void>): Promise<Leave> {
      for (let entry: Leave | Promise<void> = first; ; entry = breaker.enter(patient)) {
        if (!(entry instanceof Promise)) return entry
        await bounded(entry, end - clock.now(), signal, clock, () => 'not-executed')
      }
    }

    for (;;) {
      let leave: Leave | undefined
      try {
        if (signal?.aborted) throw aborted()
        const breaker = breakerOf(key)
        const entry = breaker.enter(patient)
        leave = entry instanceof Promise ? await admitted(breaker, entry) : entry
        const expires = Math.min(clock.now() + attempt, end)
        // Others wait for a probe, so it is not held longer than a try may take.
        const heldUntil = fallback || leave.probe ? undefined : end
        const result = await oneTry({ expires, hold, heldUntil, signal, written: 0 }, attempt, work)
        leave.succeeded()
        return result
      } catch (error) {
        const rest = restAfter(error, pause)
        const again = !fallback && tries++ < attempts && mayRetry(error, operation) && clock.now() + rest < end
        // A call counts once, when it gives up; a probe counts at once, since others wait for its verdict.
        leave?.[again && !leave.probe ? 'abandoned' : verdict(error, impatient)]()
        mayHaveRun ||= isKeyplanError(error) && error.outcome === 'unknown'
        if (!again) throw mayHaveRun ? asUnknown(telling(error)) : telling(error)
        if (errorTable[error.code].class === 'state') refusal = error
        onRetry()
        if (rest === 0) continue
        const rested = new Promise<void>(resolve => clock.after(rest, resolve, true))
        await bounded(rested, end - clock.now(), signal, clock, () => (mayHaveRun ? 'unknown' : 'not-executed')).catch(
          late => {
            throw telling(late)
          },
        )
        pause = Math.min(2 * pause, longestPause)
      }
    }
  }

  /** The time of a try runs from the moment it is written: a call that is held keeps its place until the deadline. */
  function oneTry<T>(call: Call, attempt: number, work: (call: Call) => Promise<T>): Promise<T> {
    const working = work(call)
    let held = call.written === 0
    function more(): number {
      const wasHeld = held
      // Also one that a node of a cluster sent on, to another that is out of reach: it will run when that is back, and
      // another try beside it would be a second time.
      held = call.written === 0
      if (!(wasHeld || held) || call.heldUntil === undefined) return 0
      return Math.min(attempt, call.heldUntil - clock.now())
    }
    const outcome = () => (call.written > 0 ? 'unknown' : 'not-executed')
    // Writing a long list of commands takes a while itself.
    const last = held ? call.expires : Math.min(clock.now() + attempt, call.heldUntil ?? call.expires)
    return bounded(working, last - clock.now(), call.signal, clock, outcome, 'Redis', more)
  }

  return retry
}

export const aborted = () =>
  new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome: 'not-executed' })
