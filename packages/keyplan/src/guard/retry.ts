import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { durationMs } from '../base/duration.ts'
import { errorTable, isKeyplanError, isUnavailable, type KeyplanError, type Outcome } from '../base/error.ts'
import { sharingTimers } from '../base/shared-timers.ts'
import type { Breaker, Leave } from './breaker.ts'
import { aborted, bounded, Wait } from './deadline.ts'
import type { Operation } from './operation.ts'
import type { Patience } from './patience.ts'
import { Try } from './try.ts'
import { asUnknown, mayRetry, restAfter, verdict } from './verdict.ts'
import { redis, type Whom } from './whom.ts'

/**
 * Runs `work` until it succeeds, its outcome forbids another try, or the deadline is near. With a fallback at hand it
 * is tried once.
 */
export type Retry = <T>(terms: Terms, work: Work<T>, end: End<T>) => void

type Work<T> = (call: Call) => Promise<T>

/** Callbacks and no promise: one more of those for every call is what a retry would cost where there is none. */
interface End<T> {
  retried(): void
  succeeded(result: T): void
  failed(error: unknown): void
}

interface Terms {
  readonly operation: Operation
  readonly options: CallOptions | undefined
  /** Whether a fallback is at hand. */
  readonly fallback: boolean
  readonly key: string | undefined
  /** A reading of `clock.now()`. */
  readonly begun: number
}

/** What all calls share. */
interface Means {
  readonly patience: Patience
  readonly breakerOf: (key: string | undefined) => Breaker
  readonly clock: Clock
  /** For the time of a try. */
  readonly timers: Clock
  readonly whom: (key: string | undefined) => Whom
}

const longestPause = 400

const unbounded: NonNullable<Patience['retry']> = { attempts: undefined, delay: 25 }

export function createRetry(
  patience: Patience,
  breakerOf: (key: string | undefined) => Breaker,
  clock: Clock,
  whom: (key: string | undefined) => Whom = () => redis,
): Retry {
  const means = { patience, breakerOf, clock, timers: sharingTimers(clock), whom }
  return (terms, work, end) => {
    try {
      new Course(means, terms, work, end).go()
    } catch (error) {
      end.failed(error)
    }
  }
}

/** The course of one call. A class, as are its tries, since they are made for every call and their methods must not be. */
class Course<T> {
  readonly means: Means
  readonly terms: Terms
  private readonly work: Work<T>
  private readonly end: End<T>
  /** The longest one try may take. */
  private readonly attempt: number
  /** Milliseconds from its beginning to its latest end. */
  private readonly deadline: number
  readonly latest: number
  private readonly hold: Call['hold']
  /** A try that was given less time than a server deserves says nothing of it. */
  private readonly impatient: boolean
  private tries = 0
  private pause: number
  private mayHaveRun = false
  private refusal: KeyplanError | undefined

  constructor(means: Means, terms: Terms, work: Work<T>, end: End<T>) {
    const { patience } = means
    const { operation, options, fallback, begun } = terms
    this.means = means
    this.terms = terms
    this.work = work
    this.end = end
    const ms = options?.deadline === undefined ? patience.deadline : durationMs(options.deadline, 'deadline')
    this.attempt = fallback && operation.attempt ? operation.attempt : patience.attempt
    this.deadline = ms
    this.latest = begun + ms
    this.hold = fallback ? operation.hold === true && 'blip' : true
    this.impatient = Math.min(ms, this.attempt) < patience.attempt
    this.pause = (patience.retry ?? unbounded).delay
  }

  go(): void {
    try {
      if (this.terms.options?.signal?.aborted) throw aborted()
      const entry = this.means.breakerOf(this.terms.key).enter(this.hold !== false)
      if (entry instanceof Promise) this.queue(entry)
      else this.proceed(entry)
    } catch (error) {
      this.failed(undefined, error)
    }
  }

  /** Waits while another call probes. */
  private queue(turn: Promise<void>): void {
    this.waitFor(turn, 'not-executed').then(
      () => this.go(),
      error => this.failed(undefined, error),
    )
  }

  private proceed(leave: Leave): void {
    const { fallback, begun } = this.terms
    const { clock, timers } = this.means
    const { attempt, latest } = this
    const start = this.tries === 0 ? begun : clock.now()
    // Others wait for a probe, so it is not held longer than a try may take.
    const heldUntil = fallback || leave.probe ? undefined : latest
    const call = new Try(Math.min(start + attempt, latest), this.hold, heldUntil, attempt, this.deadline, this)
    let working: Promise<T>
    try {
      working = this.work(call)
    } catch (error) {
      // Nothing was asked. Others may wait for the verdict.
      leave.abandoned()
      throw error
    }
    call.wasHeld = call.written === 0
    const ms = latest - start > 2 * attempt ? attempt : Math.min(attempt, latest - clock.now())
    const succeeded = (result: T) => {
      leave.succeeded()
      this.end.succeeded(result)
    }
    new Wait(working, ms, call, timers, succeeded, error => this.failed(leave, error))
  }

  private failed(leave: Leave | undefined, error: unknown): void {
    const { terms, means } = this
    const { attempts = Number.POSITIVE_INFINITY } = means.patience.retry ?? unbounded
    const rest = restAfter(error, this.pause)
    const inTime = means.clock.now() + rest < this.latest
    const again = !terms.fallback && this.tries++ < attempts && mayRetry(error, terms.operation) && inTime
    // A call counts once, when it gives up; a probe counts at once, since others wait for its verdict.
    // Who refused lives, and there was no time for another try.
    const says = this.telling(error) === error ? verdict(error, this.impatient) : 'abandoned'
    leave?.[again && !leave.probe ? 'abandoned' : says]()
    this.mayHaveRun ||= isKeyplanError(error) && error.outcome === 'unknown'
    if (again) {
      if (errorTable[error.code].class === 'state') this.refusal = error
      this.end.retried()
      this.again(rest)
    } else this.giveUp(error)
  }

  private again(rest: number): void {
    if (rest === 0) {
      this.go()
      return
    }
    const rested = new Promise<void>(resolve => this.means.clock.after(rest, resolve, true))
    this.pause = Math.min(2 * this.pause, longestPause)
    this.waitFor(rested, this.mayHaveRun ? 'unknown' : 'not-executed').then(
      () => this.go(),
      error => this.giveUp(error),
    )
  }

  private giveUp(error: unknown): void {
    const telling = this.telling(error)
    const told = this.mayHaveRun ? asUnknown(telling) : telling
    // Who asks again at once would else keep the event loop to himself, and the link from ever coming back.
    if (isUnavailable(told) || isKeyplanError(told, 'CLOSED')) setImmediate(() => this.end.failed(told))
    else this.end.failed(told)
  }

  private waitFor(event: Promise<void>, outcome: Outcome): Promise<void> {
    const { clock } = this.means
    const signal = this.terms.options?.signal
    const whom = () => this.whom()
    const waiting = { signal, outcome: () => outcome, whom, declared: this.deadline }
    return bounded(event, this.latest - clock.now(), waiting, clock)
  }

  whom(): Whom {
    return this.means.whom(this.terms.key)
  }

  /** A try for which there was no time any more tells less than what the server said before it. */
  private telling(error: unknown): unknown {
    return isKeyplanError(error, 'TIMEOUT') && error.outcome === 'not-executed' ? (this.refusal ?? error) : error
  }
}
