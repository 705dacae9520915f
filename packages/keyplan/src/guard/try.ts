import type { Call, CallOptions } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { Outcome } from '../base/error.ts'
import type { Waiting } from './deadline.ts'
import type { Whom } from './whom.ts'

/** What a try has of the call it belongs to. */
interface Whole {
  readonly means: { readonly clock: Clock }
  readonly terms: { readonly options: CallOptions | undefined }
  /** A reading of the clock. */
  readonly latest: number
  whom(): Whom
}

/** The time of a try runs from the moment it is written: a call that is held keeps its place until the deadline. */
export class Try implements Call, Waiting {
  readonly expires: number
  readonly hold: Call['hold']
  readonly heldUntil: number | undefined
  readonly signal: AbortSignal | undefined
  written = 0
  wasHeld = false
  private readonly attempt: number
  private readonly deadline: number
  private readonly whole: Whole

  constructor(
    expires: number,
    hold: Call['hold'],
    heldUntil: number | undefined,
    attempt: number,
    deadline: number,
    whole: Whole,
  ) {
    this.expires = expires
    this.hold = hold
    this.heldUntil = heldUntil
    this.signal = whole.terms.options?.signal
    this.attempt = attempt
    this.deadline = deadline
    this.whole = whole
  }

  whom(): Whom {
    return this.whole.whom()
  }

  /** What it had was the rest of the call's time. */
  get declared(): number | undefined {
    const { means, latest } = this.whole
    return means.clock.now() >= latest - 1 ? this.deadline : undefined
  }

  outcome(): Outcome {
    return this.written > 0 ? 'unknown' : 'not-executed'
  }

  more(): number {
    const { wasHeld, heldUntil } = this
    // Also one that a node of a cluster sent on, to another that is out of reach: it will run when that is back, and
    // another try beside it would be a second time.
    this.wasHeld = this.written === 0
    if (!(wasHeld || this.wasHeld) || heldUntil === undefined) return 0
    return Math.min(this.attempt, heldUntil - this.whole.means.clock.now())
  }
}
