import type { Clock, Timer } from '../../base/clock.ts'
import type { Duration } from '../../base/duration.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import { keyMark } from '../../base/key-mark.ts'
import type { HeldLease } from './held.ts'
import type { Grant } from './steps.ts'
import { ttlOf } from './ttl.ts'

/** What all that is held of a namespace share. */
export interface Keeper<Lease> {
  readonly clock: Clock
  /** For the time of a renewal: its lengths are few, so that many timers can be one. */
  readonly timers: Pick<Clock, 'after'>
  /** What it is, for messages: a `lock`. */
  readonly noun: string
  readonly namespace: string
  readonly ttlMs: number
  readonly renew: boolean
  /** Asks the store for a new time to live, for at most `deadlineMs`; the new `until`, or undefined: not the owner. */
  extend(lease: Lease, ttlMs: number, deadlineMs: number | undefined): Promise<number | undefined>
  release(lease: Lease): Promise<boolean>
  /** As `release`, but never rejects. */
  letGo(lease: Lease): Promise<void>
  /** A renewal was confirmed, or one failed with this error while it is still held. */
  onRenewal(lease: Lease, error: KeyplanError | undefined): void
  /** It is released, or lost with this reason. */
  onEnd(lease: Lease, reason: KeyplanError | undefined): void
}

/** This part of the time to live is kept free before the end, so that work can stop before another may begin. */
const safety = 0.1

/** A renewal may be early by this part of the time to live. */
const early = 1 / 64

/** A class, since one is made for every acquisition and its methods must not be. */
export class Lease<Wanted extends { readonly key: string }> implements HeldLease {
  readonly fence: bigint
  readonly degraded: boolean
  readonly request: Wanted
  readonly grant: Grant
  private readonly keeper: Keeper<Lease<Wanted>>
  private state: 'held' | 'lost' | 'gone' | 'released' = 'held'
  private lifetime: number
  /** What renewals ask for: its user may have asked for another time to live that is not answered yet. */
  private aim: number
  /** Reading of the clock until which it is certainly held. */
  private until: number
  private asked = 0
  private applied = 0
  /** The last renewal is not answered yet. */
  private waiting = false
  private timer: Timer | undefined = undefined
  private controller: AbortController | undefined = undefined
  private reason: KeyplanError | undefined = undefined

  constructor(keeper: Keeper<Lease<Wanted>>, request: Wanted, grant: Grant) {
    this.keeper = keeper
    this.request = request
    this.grant = grant
    this.fence = BigInt(grant.fence)
    this.degraded = grant.degraded
    this.lifetime = keeper.ttlMs
    this.aim = keeper.ttlMs
    this.until = grant.until
    this.schedule()
  }

  get signal(): AbortSignal {
    if (!this.controller) {
      this.controller = new AbortController()
      if (this.reason) this.controller.abort(this.reason)
    }
    return this.controller.signal
  }

  /** Its user was told so. */
  get wasLost(): boolean {
    return this.reason !== undefined
  }

  /** JSON has no bigints. */
  toJSON(): object {
    return { fence: this.fence.toString(), degraded: this.degraded }
  }

  remaining(): number {
    return this.state === 'held' ? Math.max(0, this.until - this.keeper.clock.now()) : 0
  }

  async extend(ttl?: Duration): Promise<boolean> {
    const ttlMs = ttl === undefined ? this.keeper.ttlMs : ttlOf(ttl, this.keeper.noun)
    return this.state === 'held' && this.lengthen(ttlMs)
  }

  release(): Promise<boolean> {
    return this.end() ? this.keeper.release(this) : Promise.resolve(false)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.end()) await this.keeper.letGo(this)
  }

  lose(why: string): void {
    this.leave('lost', why)
  }

  private leave(as: 'lost' | 'gone', why: string): void {
    if (this.state !== 'held') return
    const { noun, namespace } = this.keeper
    this.state = as
    this.timer?.cancel()
    this.reason = new KeyplanError('LOCK_LOST', `The ${noun} ${namespace} was lost: ${why}`, {
      namespace,
      mark: keyMark(this.request.key),
    })
    this.controller?.abort(this.reason)
    this.keeper.onEnd(this, this.reason)
  }

  /** Takes it out of the user's hands. False when there is nothing left to release. */
  private end(): boolean {
    const { state } = this
    if (state === 'released') return false
    this.state = 'released'
    this.timer?.cancel()
    if (state === 'held') this.keeper.onEnd(this, undefined)
    return state !== 'gone'
  }

  /** The last moment at which a renewal must have been confirmed. */
  private latest(): number {
    return this.until - this.lifetime * safety
  }

  private schedule(): void {
    this.watch(this.keeper.renew ? this.until - (this.lifetime * 2) / 3 : Number.POSITIVE_INFINITY)
  }

  /** Looks again at `at`, or at the last moment if that is earlier. */
  private watch(at: number): void {
    const { clock, timers } = this.keeper
    const grain = this.lifetime * early
    const wait = Math.max(0, Math.min(at, this.latest()) - clock.now())
    this.timer?.cancel()
    this.timer = timers.after(wait > grain ? Math.floor(wait / grain) * grain : wait, () => this.look(at))
  }

  private look(at: number): void {
    const { clock, renew } = this.keeper
    const now = clock.now()
    if (now >= this.latest()) this.leave('lost', 'it could not be renewed in time')
    else if (renew && now >= at - this.lifetime * early) void this.tryRenew()
    else this.watch(at)
  }

  private async tryRenew(): Promise<void> {
    const { clock } = this.keeper
    if (this.waiting) this.keeper.onRenewal(this, this.silent())
    this.waiting = true
    const question = this.asked + 1
    // An answer that takes long may still come. Meanwhile another try may be luckier.
    this.watch(clock.now() + this.lifetime / 6)
    try {
      if (await this.prolong(this.aim, this.latest() - clock.now())) this.keeper.onRenewal(this, undefined)
    } catch (error) {
      if (!isKeyplanError(error)) throw error
      // One that ends after a later one was confirmed says nothing any more.
      if (this.state !== 'held' || this.applied > question) return
      this.waiting = false
      // Whatever the failure is, it is ours until its time ends: there is still time to try again.
      this.keeper.onRenewal(this, error)
      this.watch(clock.now() + this.lifetime / 12)
    }
  }

  private silent(): KeyplanError {
    const { noun, namespace } = this.keeper
    const message = `Redis has not answered yet to a renewal of the ${noun} ${namespace}`
    return new KeyplanError('TIMEOUT', message, { namespace })
  }

  /** Of answers that overtake each other the one to the last question counts. */
  private async prolong(ttlMs: number, deadlineMs: number | undefined): Promise<boolean> {
    const question = ++this.asked
    const begun = this.keeper.clock.now()
    let answer: number | undefined
    try {
      answer = await this.keeper.extend(this, ttlMs, deadlineMs)
    } catch (error) {
      const isOver = isKeyplanError(error) && error.outcome === 'not-executed'
      if (question < this.applied && !isOver) this.doubt(ttlMs, begun + ttlMs)
      throw error
    }
    if (this.state !== 'held') return false
    if (answer === undefined) {
      this.leave('gone', 'it expired, was deleted or is held by another')
      return false
    }
    if (question > this.applied) {
      this.applied = question
      this.waiting = false
      this.lifetime = ttlMs
      this.until = answer
      this.schedule()
    } else this.doubt(ttlMs, answer)
    return true
  }

  /**
   * An earlier question for less time was overtaken: sent again over another link it may have been carried out last. So only
   * its time is certain, and the later question is asked once more.
   */
  private doubt(ttlMs: number, certain: number): void {
    if (this.state !== 'held' || ttlMs >= this.lifetime) return
    this.lifetime = ttlMs
    this.until = Math.min(this.until, certain)
    this.waiting = false
    void this.tryRenew()
  }

  /** What fails is as if it had not been asked for. */
  private async lengthen(ttlMs: number): Promise<boolean> {
    this.aim = ttlMs
    try {
      return await this.prolong(ttlMs, undefined)
    } catch (error) {
      if (this.aim === ttlMs) this.aim = this.lifetime
      throw error
    }
  }
}
