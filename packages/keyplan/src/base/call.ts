import { type Duration, durationMs } from './duration.ts'
import { KeyplanError, kindOf, shown } from './error.ts'
import { groupProblems } from './option-group.ts'

/**
 * The terms of one call, made by the guard and carried down to the wire.
 *
 * `expires` is a reading of `clock.now()`. A call that has not been written by then is dropped and is certainly
 * not executed; one that has been written ends as `unknown`. The wire counts `written` up at the moment the bytes are
 * handed to the socket, and down again when a node of a cluster answers that it did not run them.
 */
export interface Call {
  readonly expires: number
  /** Wait for a link that is down, or only for one that was lost a moment ago (`blip`), or fail at once. */
  readonly hold: boolean | 'blip'
  /** How long a held call may wait to be written, in place of `expires`: it keeps its place in the order meanwhile. */
  readonly heldUntil?: number | undefined
  readonly signal?: AbortSignal | undefined
  written: number
}

/** What a caller may say of one call. */
export interface CallOptions {
  /** Settles this call alone, with ABORTED. What was already sent may still run. */
  signal?: AbortSignal | undefined
  /** The longest this call may take, all retries included. Default: the connection's `deadline`, 5 s. */
  deadline?: Duration | undefined
}

const common = ['signal', 'deadline'] as const satisfies readonly (keyof CallOptions)[]

/**
 * Refuses what a verb cannot take as its options, for whom no compiler has checked them. Without options there is
 * nothing to look at, so the common call pays nothing.
 *
 * @param own options that the verb has beside the common ones
 * @throws KeyplanError PARAM_INVALID
 */
export function checkOptions(options: CallOptions, own: readonly string[] = []): void {
  if (isBare(options)) return
  const [problem] = groupProblems(options, '', [...common, ...own])
  if (problem) throw new KeyplanError('PARAM_INVALID', problem)
  const { signal, deadline } = options
  if (deadline !== undefined) durationMs(deadline, 'deadline', shown)
  if (signal === undefined || isSignal(signal)) return
  throw new KeyplanError('PARAM_INVALID', `signal is ${kindOf(signal)}; give the signal of an AbortController`)
}

function isBare(options: unknown): boolean {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) return false
  for (const _ in options) return false
  return true
}

/** By its shape: one of another realm or of a polyfill serves as well. */
function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { aborted, addEventListener } = value as Partial<AbortSignal>
  return typeof aborted === 'boolean' && typeof addEventListener === 'function'
}

/** Whether one of these tries was sent: without an answer it may have been carried out. */
export function anySent(tries: Iterable<Call>): boolean {
  for (const { written } of tries) if (written > 0) return true
  return false
}
