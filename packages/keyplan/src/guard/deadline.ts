import type { Clock, Timer } from '../base/clock.ts'
import { KeyplanError, type Outcome } from '../base/error.ts'
import { onAbort } from '../base/on-abort.ts'
import { redis, type Whom } from './whom.ts'

/** What `setTimeout` can count to; whoever waits longer waits for ever. */
const longestTimer = 2 ** 31 - 1

/** A promise settles by its deadline and a tenth. */
const grace = 0.1

/** What is said to who has waited too long, or leaves. */
export interface Waiting {
  readonly signal?: AbortSignal | undefined
  /** Who is waited for, named in the error. Default: Redis. */
  readonly who?: string
  /** The server that is waited for. */
  whom?(): Whom
  /** Milliseconds that the caller gave it, where what is left of them bounds the wait. */
  readonly declared?: number | undefined
  outcome(): Outcome
  /** Is asked at the end of the time and may grant further milliseconds. */
  more?(): number
}

/**
 * Settles with `work`, or with TIMEOUT after `ms` (which may be Infinity), or with ABORTED when the signal fires: for
 * this caller alone.
 *
 * A process whose event loop was blocked finds its timers due before it has read its sockets, or even written to them.
 * So the verdict waits for one turn of the loop and, if the timer was late, for a tenth of the time.
 */
export function bounded<T>(work: Promise<T>, ms: number, waiting: Waiting, clock: Clock): Promise<T> {
  return new Promise<T>((resolve, reject) => new Wait(work, ms, waiting, clock, resolve, reject))
}

/** What `bounded` does, for who has no need of another promise. A class, since one is made for every call. */
export class Wait<T> {
  private readonly waiting: Waiting
  private readonly clock: Clock
  private readonly reject: (error: unknown) => void
  private readonly forget: (() => void) | undefined
  private timer: Timer | undefined
  private total: number
  private over = false

  constructor(
    work: Promise<T>,
    ms: number,
    waiting: Waiting,
    clock: Clock,
    resolve: (value: T) => void,
    reject: (error: unknown) => void,
  ) {
    this.waiting = waiting
    this.clock = clock
    this.reject = reject
    this.total = Math.max(0, ms)
    work.then(
      value => {
        if (this.end()) resolve(value)
      },
      error => {
        if (this.end()) reject(error)
      },
    )
    const { signal } = waiting
    if (signal?.aborted) this.abort()
    else {
      this.forget = signal && onAbort(signal, () => this.abort())
      this.wait(this.total)
    }
  }

  /** Whether it had not ended before. */
  private end(): boolean {
    if (this.over) return false
    this.over = true
    this.timer?.cancel()
    this.forget?.()
    return true
  }

  private wait(time: number, isGrace = false): void {
    if (time > longestTimer) return
    const due = this.clock.now() + time
    const isLate = () => !isGrace && this.clock.now() - due > time * grace
    this.timer = this.clock.after(time, () => setImmediate(() => this.ring(time, isLate())), true)
  }

  private ring(time: number, late: boolean): void {
    if (this.over) return
    const further = late ? 0 : (this.waiting.more?.() ?? 0)
    if (late) this.wait(time * grace, true)
    else if (further > 0) {
      this.total += further
      this.wait(further)
    } else this.expire()
  }

  private expire(): void {
    this.end()
    const { waiting } = this
    const outcome = waiting.outcome()
    const { name, error: cause } = waiting.whom?.() ?? redis
    this.reject(new KeyplanError('TIMEOUT', this.told(outcome, name), { outcome, cause }))
  }

  /** What was never sent had no answer to wait for. */
  private told(outcome: Outcome, server: string): string {
    const { who, declared } = this.waiting
    const time = declared === undefined ? `within ${Math.round(this.total)} ms` : `by the deadline of ${declared} ms`
    if (who === undefined && outcome !== 'unknown') return `${server} could not be reached ${time}; nothing was sent`
    return `${who ?? server} did not answer ${time}`
  }

  private abort(): void {
    this.end()
    this.reject(aborted(this.waiting.outcome()))
  }
}

export const aborted = (outcome: Outcome = 'not-executed') =>
  new KeyplanError('ABORTED', 'The call was aborted by its signal', { outcome })
