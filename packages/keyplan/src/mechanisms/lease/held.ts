import type { Duration } from '../../base/duration.ts'

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

/** What its namespace can do to what is held, beside its user. */
export interface HeldLease extends Held {
  lose(reason: string): void
}
