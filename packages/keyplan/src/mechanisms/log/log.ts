import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { Announcement } from './announcement.ts'
import type { LogEntry } from './entry.ts'
import type { LogTerms } from './terms.ts'

export interface Appended {
  readonly id: string
  /** How many heard the announcement: of subscribers on a cluster, those on the server of the log. */
  readonly receivers: number
  /** Why it was appended and not announced, in the server's words. */
  readonly unannounced: string | undefined
}

export interface Range {
  /** Excluded; from there on. */
  readonly after?: string | undefined
  /** Excluded; up to there. */
  readonly before?: string | undefined
  readonly count: number
  /** The newest first. */
  readonly reverse?: boolean | undefined
}

/** Ordered entries by key. Each step is atomic. */
export interface Log {
  /**
   * Adds an entry, takes away what the terms do not keep, gives the whole its time to live, and publishes the entry where
   * it is to be announced: one step.
   */
  append(call: Call, key: string, value: Stored, terms: LogTerms, announcement?: Announcement): Promise<Appended>
  range(call: Call, key: string, range: Range): Promise<readonly LogEntry[]>
  count(call: Call, key: string): Promise<number>
  /** Says whether there was one. */
  remove(call: Call, key: string): Promise<boolean>
}

/** What hears of new entries. Told more than once of one, and of what is not new, it does no harm. */
export interface LogListener {
  heard(entry: LogEntry): void
  /** Entries may have been missed. */
  missed(): void
}

/** Tells of new entries as they come. */
export interface LogNews {
  listen(key: string, listener: LogListener): LogListening
}

export interface LogListening {
  /** The listener has everything up to this id: only what comes after is news to it. */
  caughtUp(id: string): void
  close(): void
}
