import type { Call } from '../../base/call.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'

/** What lies at one key. */
export interface Reading {
  readonly raw: string | null
  /** This reading has noted the use. */
  readonly touched: boolean
  readonly degraded?: true
}

/** How use is noted. */
export interface Touching {
  readonly ttlMs: number
  readonly everyMs: number
}

/** What a session is to be: its text without the head, and the bounds of its life. */
export interface Draft {
  /** Everything after the head. */
  readonly rest: string
  readonly ttlMs: number
  /** Milliseconds since the epoch beyond which no use extends it. Undefined: as it is. */
  readonly until: number | undefined
  /** Refused later than this, on the server's clock: the entry in the user's list may be gone by then. */
  readonly notAfter: number | undefined
}

export type Saved =
  /** As it is now; `seen` and `until` are what the head says. */
  | { readonly is: 'saved'; readonly seen: number; readonly until: number; readonly degraded?: true }
  /** Another text is there, or none: nothing was written. */
  | { readonly is: 'found'; readonly raw: string | null }
  /** It came after `notAfter`. */
  | { readonly is: 'late' }

/** The end of a session. */
export interface Ending {
  /** End it only at this version. */
  readonly version: number | undefined
  /** What is left in its place, for `keepMs`. */
  readonly trace: string
  readonly keepMs: number
}

export type Ended =
  /** It was there until now. */
  | { readonly is: 'ended'; readonly raw: string }
  /** It is not there, or is another one: nothing was done. */
  | { readonly is: 'found'; readonly raw: string | null }

/** The sessions a user may have. */
export interface Noted {
  /** When this was noted, on the clock of the server that has the list. */
  readonly at: number
  /** All keys of the list, where there are more than asked for. */
  readonly crowd: readonly string[]
}

/**
 * Each step is atomic; time is the store's own. A session is a text with a head (`record.ts`) that only the store writes: its
 * version, when it was seen, until when it may live. Every key has a time to live from the same step on.
 */
export interface SessionStore {
  /**
   * What lies at each key; an error concerns it alone. Notes the use of those that were not seen for `everyMs`, and extends
   * them.
   */
  touch(call: Call, keys: readonly string[], touching: Touching): Promise<readonly (Reading | KeyplanError)[]>
  /** What lies at each key. */
  look(call: Call, keys: readonly string[]): Promise<readonly (Reading | KeyplanError)[]>
  /** Begins a session where nothing is; where the very same text is, that was an earlier try. */
  create(call: Call, key: string, draft: Draft): Promise<Saved>
  /** Replaces the text of a session at this version, and raises it; where the very same text is, that was an earlier try. */
  save(call: Call, key: string, version: number, draft: Draft): Promise<Saved>
  /** Lets a session live until then at most, and notes its use. Its version stays. */
  prolong(call: Call, key: string, ttlMs: number, until: number): Promise<void>
  /** Ends a session and rings for who watches it. */
  end(call: Call, key: string, ending: Ending): Promise<Ended>
  /** Ends a session at this version and begins it at another key, in one step where one server has both. */
  move(call: Call, key: string, to: string, draft: Draft, ending: Ending): Promise<Saved>
  /** Puts a session's key on a user's list, which forgets what was not noted for `keptMs`. */
  note(call: Call, list: string, key: string, keptMs: number, most: number | undefined): Promise<Noted>
  /** The keys on a user's list. */
  listed(call: Call, list: string): Promise<readonly string[]>
  /** Takes keys off a user's list; with `idleMs` only those that were not noted for so long. */
  strike(call: Call, list: string, keys: readonly string[], idleMs: number): Promise<void>
}

export const sessionOperations: Operations<SessionStore> = {
  touch: { idempotent: true, write: true },
  look: { idempotent: true, write: false },
  create: { idempotent: true, write: true },
  save: { idempotent: true, write: true },
  prolong: { idempotent: true, write: true },
  end: { idempotent: true, write: true },
  move: { idempotent: true, write: true },
  note: { idempotent: true, write: true },
  listed: { idempotent: true, write: false },
  strike: { idempotent: true, write: true },
}
