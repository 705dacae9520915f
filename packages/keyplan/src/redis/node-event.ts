import { isKeyplanError, type KeyplanError } from '../base/error.ts'

/** What the supervisor of a node reports. `node` is where it is, `lane` what `Redis.lane` calls it. */
export type NodeEvent = { readonly node: string; readonly lane: string } & (
  | { readonly type: 'ready'; readonly version: string | undefined; readonly afterMs: number }
  | { readonly type: 'lost'; readonly error: KeyplanError }
  | { readonly type: 'attempt-failed'; readonly error: KeyplanError; readonly attempts: number }
  | { readonly type: 'moved'; readonly from: string }
  | { readonly type: 'gap' }
)

/** Errors that waiting does not heal: the calls that wait are told at once. */
const fatal = ['AUTH_FAILED', 'TLS_FAILED', 'UNSUPPORTED'] as const

export const isFatal = (error: unknown): error is KeyplanError => fatal.some(code => isKeyplanError(error, code))
