import type { Clock, Timer } from '../base/clock.ts'
import { KeyplanError, type Outcome } from '../base/error.ts'
import { onAbort } from '../base/on-abort.ts'

/** What `setTimeout` can count to; whoever waits longer waits for ever. */
const longestTimer = 2 ** 31 - 1

/** A promise settles by its deadline and a tenth. */
const grace = 0.1

/**
 * Settles with `work`, or with TIMEOUT after `ms` (which may be Infinity), or with ABORTED when the signal fires: for
 * this caller alone. `who` is named in the error; `more` is asked at the end of the time and may grant further
 * milliseconds.
 *
 * A process whose event loop was blocked finds its timers due before it has read its sockets, or even written to them.
 * So the verdict waits for one turn of the loop and, if the timer was late, for a tenth of the time.
 */
export function bounded<T>(
  work: Promise<T>,
  ms: number,
  signal: AbortSignal | undefined,
  clock: Clock,
  outcome: () => Outcome,
  who = 'Redis',
  more: () => number = () => 0,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    let timer: Timer | undefined
    let total = 0
    let over = false
    let forget: (() => void) | undefined

    function wait(time: number, isGrace = false): void {
      if (time > longestTimer) return
      const due = clock.now() + time
      timer = clock.after(
        time,
        () => setImmediate(() => ring(time, !isGrace && clock.now() - due > time * grace)),
        true,
      )
    }
    function ring(time: number, late: boolean): void {
      if (over) return
      const further = late ? 0 : more()
      if (late) wait(time * grace, true)
      else if (further > 0) {
        total += further
        wait(further)
      } else expire()
    }
    function expire(): void {
      done()
      reject(new KeyplanError('TIMEOUT', told(outcome()), { outcome: outcome() }))
    }
    /** What was never sent had no answer to wait for. */
    function told(became: Outcome): string {
      const time = `within ${Math.round(total)} ms`
      return became === 'unknown' || who !== 'Redis'
        ? `${who} did not answer ${time}`
        : `Redis could not be reached ${time}; nothing was sent`
    }
    function abort(): void {
      done()
      reject(new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome: outcome() }))
    }
    function done(): void {
      over = true
      timer?.cancel()
      forget?.()
    }

    work.then(
      value => {
        done()
        resolve(value)
      },
      error => {
        done()
        reject(error)
      },
    )
    if (signal?.aborted) return abort()
    forget = signal && onAbort(signal, abort)
    total = Math.max(0, ms)
    wait(total)
  })
}
