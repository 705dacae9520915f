import type { Duration } from './duration.ts'

/**
 * The terms of one call, made by the guard and carried down to the wire.
 *
 * `expires` is a reading of `clock.now()`. A call that has not been written by then is dropped and is certainly
 * not executed; one that has been written ends as `unknown`. `written` is set by the wire at the moment the bytes
 * are handed to the socket.
 */
export interface Call {
  readonly expires: number
  /** Wait for a link that is down (true), or fail at once (false). */
  readonly hold: boolean
  /** How long a held call may wait to be written, in place of `expires`: it keeps its place in the order meanwhile. */
  readonly heldUntil?: number | undefined
  readonly signal?: AbortSignal | undefined
  written: boolean
}

/** What a caller may say of one call. */
export interface CallOptions {
  /** Settles this call alone, with ABORTED. What was already sent may still run. */
  signal?: AbortSignal | undefined
  /** The longest this call may take, all retries included. Default: the connection's `deadline`, 5 s. */
  deadline?: Duration | undefined
}
