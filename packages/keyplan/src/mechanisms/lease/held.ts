import { bigintsAsText } from '../../base/bigint-text.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Duration } from '../../base/duration.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import { keyMark } from '../../base/key-mark.ts'
import { ttlOf } from './ttl.ts'

/** What is held: a lock, permits, an office. It is renewed until it is released or lost. */
export interface Held extends AsyncDisposable {
  /** Grows with every acquisition. A resource that refuses smaller fences than it has seen is safe from late holders. */
  readonly fence: bigint
  /** Held in this process alone, because Redis could not be asked. */
  readonly degraded: boolean
  /**
   * Fires with LOCK_LOST when it is known to be lost, or when it could not be renewed until a tenth of its time
   * to live was left. In a process whose event loop was blocked `remaining()` knows first.
   */
  readonly signal: AbortSignal
  /** Milliseconds for which it is certainly still held, by the monotonic clock. 0 when released or lost. */
  remaining(): number
  /**
   * Sets the time to live anew, for later renewals too. Default: the declared one.
   *
   * @returns false when it is not held any more
   * @throws KeyplanError when Redis cannot be asked
   */
  extend(ttl?: Duration): Promise<boolean>
  /**
   * @returns false when there was nothing to release: it was lost or released before, or an earlier try of this call
   * whose reply was lost has done it
   * @throws KeyplanError when Redis cannot be asked; the release then goes on in the background
   */
  release(): Promise<boolean>
}

interface HeldParts {
  readonly clock: Clock
  /** What it is, for messages: a `lock`. */
  readonly noun: string
  readonly namespace: string
  readonly key: string
  readonly ttlMs: number
  readonly renew: boolean
  readonly fence: bigint
  readonly degraded: boolean
  /** Reading of the clock until which it is certainly held. */
  readonly until: number
  /** Asks the store for a new time to live, for at most `deadlineMs`; the new `until`, or undefined: not the owner. */
  extend(ttlMs: number, deadlineMs: number | undefined): Promise<number | undefined>
  release(): Promise<boolean>
  /** As `release`, but never rejects. */
  letGo(): Promise<void>
  /** A renewal was confirmed, or one failed with this error while it is still held. */
  onRenewal(error: KeyplanError | undefined): void
  /** It is released, or lost with this reason. */
  onEnd(reason: KeyplanError | undefined): void
}

/** What its namespace can do to what is held, beside its user. */
export interface HeldLease extends Held {
  lose(reason: string): void
}

/** This part of the time to live is kept free before the end, so that work can stop before another may begin. */
const safety = 0.1

export function createHeld(parts: HeldParts): HeldLease {
  const { clock, noun, namespace, renew, fence, degraded } = parts
  let state: 'held' | 'lost' | 'gone' | 'released' = 'held'
  let lifetime = parts.ttlMs
  /** What renewals ask for: its user may have asked for another time to live that is not answered yet. */
  let aim = parts.ttlMs
  let until = parts.until
  let asked = 0
  let applied = 0
  /** The last renewal is not answered yet. */
  let waiting = false
  let timer: Timer | undefined
  let controller: AbortController | undefined
  let reason: KeyplanError | undefined

  /** The last moment at which a renewal must have been confirmed. */
  const latest = () => until - lifetime * safety

  function lose(as: 'lost' | 'gone', why: string): void {
    if (state !== 'held') return
    state = as
    timer?.cancel()
    reason = new KeyplanError('LOCK_LOST', `The ${noun} ${namespace} was lost: ${why}`, {
      namespace,
      mark: keyMark(parts.key),
    })
    controller?.abort(reason)
    parts.onEnd(reason)
  }

  /** Looks again at `at`, or at the last moment if that is earlier. */
  function watch(at: number): void {
    timer?.cancel()
    timer = clock.after(Math.max(0, Math.min(at, latest()) - clock.now()), () => {
      if (clock.now() >= latest()) lose('lost', 'it could not be renewed in time')
      else if (renew && clock.now() >= at) void tryRenew()
      else watch(at)
    })
  }

  async function tryRenew(): Promise<void> {
    if (waiting) parts.onRenewal(silent())
    waiting = true
    const question = asked + 1
    // An answer that takes long may still come. Meanwhile another try may be luckier.
    watch(clock.now() + lifetime / 6)
    try {
      if (await prolong(aim, latest() - clock.now())) parts.onRenewal(undefined)
    } catch (error) {
      if (!isKeyplanError(error)) throw error
      // One that ends after a later one was confirmed says nothing any more.
      if (state !== 'held' || applied > question) return
      waiting = false
      // Whatever the failure is, it is ours until its time ends: there is still time to try again.
      parts.onRenewal(error)
      watch(clock.now() + lifetime / 12)
    }
  }

  const silent = () =>
    new KeyplanError('TIMEOUT', `Redis has not answered yet to a renewal of the ${noun} ${namespace}`, { namespace })

  /** Of answers that overtake each other the one to the last question counts. */
  async function prolong(ttlMs: number, deadlineMs: number | undefined): Promise<boolean> {
    const question = ++asked
    const begun = clock.now()
    let answer: number | undefined
    try {
      answer = await parts.extend(ttlMs, deadlineMs)
    } catch (error) {
      const isOver = isKeyplanError(error) && error.outcome === 'not-executed'
      if (question < applied && !isOver) doubt(ttlMs, begun + ttlMs)
      throw error
    }
    if (state !== 'held') return false
    if (answer === undefined) {
      lose('gone', 'it expired, was deleted or is held by another')
      return false
    }
    if (question > applied) {
      applied = question
      waiting = false
      lifetime = ttlMs
      until = answer
      schedule()
    } else doubt(ttlMs, answer)
    return true
  }

  /**
   * An earlier question for less time was overtaken: sent again over another link it may have been carried out last. So only
   * its time is certain, and the later question is asked once more.
   */
  function doubt(ttlMs: number, certain: number): void {
    if (state !== 'held' || ttlMs >= lifetime) return
    lifetime = ttlMs
    until = Math.min(until, certain)
    waiting = false
    void tryRenew()
  }

  /** What fails is as if it had not been asked for. */
  async function lengthen(ttlMs: number): Promise<boolean> {
    aim = ttlMs
    try {
      return await prolong(ttlMs, undefined)
    } catch (error) {
      if (aim === ttlMs) aim = lifetime
      throw error
    }
  }

  const schedule = () => watch(renew ? until - (lifetime * 2) / 3 : Number.POSITIVE_INFINITY)
  schedule()

  /** Takes it out of the user's hands. False when there is nothing left to release. */
  function end(): boolean {
    if (state === 'released') return false
    const wasGone = state === 'gone'
    const wasHeld = state === 'held'
    state = 'released'
    timer?.cancel()
    if (wasHeld) parts.onEnd(undefined)
    return !wasGone
  }

  return bigintsAsText({
    fence,
    degraded,
    get signal() {
      if (!controller) {
        controller = new AbortController()
        if (reason) controller.abort(reason)
      }
      return controller.signal
    },
    remaining: () => (state === 'held' ? Math.max(0, until - clock.now()) : 0),
    extend: async ttl => {
      const ttlMs = ttl === undefined ? parts.ttlMs : ttlOf(ttl, noun)
      return state === 'held' && lengthen(ttlMs)
    },
    release: async () => end() && parts.release(),
    [Symbol.asyncDispose]: async () => {
      if (end()) await parts.letGo()
    },
    lose: why => lose('lost', why),
  })
}
