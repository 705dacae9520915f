import { beginning, compareIds, type LogEntry } from './entry.ts'
import { createRecentIds } from './recent-ids.ts'

/**
 * A hole in what a follower was given: entries between the two were taken away before it had read them. Where a failover
 * lost entries that it was given, the log goes on behind an earlier one: with lower ids, if the clock of the new server is
 * behind.
 */
export interface LogGap {
  /** The last entry before the hole. */
  readonly after: string
  /** The first one behind it; undefined where none has come yet. */
  readonly before: string | undefined
}

/** Where a follower stands in its log. */
export interface Place {
  /** The log is read on behind this. */
  readonly at: string
  /** It stands behind this entry for all that it remembers, and there is no other of this id. */
  knows(id: string): boolean
  /** It lies before all that it remembers. */
  precedes(id: string): boolean
  /** When this entry came, the log ended before `at`, and others may have come in between. */
  isCutBack(entry: LogEntry): boolean
  /** Goes back to the earliest that it remembers, or to `end`, where the log ends, if that is before all of these. */
  rewind(end?: string): void
  /** What is missing in front of this entry, which is read next. */
  gapBefore(entry: LogEntry): LogGap | undefined
  /** The entry was given. */
  took(id: string): void
  /** The entry was given before. */
  passed(id: string): void
}

/** @param from where it begins; undefined for everything that is kept */
export function createPlace(from: string | undefined): Place {
  let at = from ?? beginning
  const recent = createRecentIds(at)
  /** Nothing can be missing before the first entry of everything that is kept. */
  let fresh = from === undefined
  /** Where it stood before it went back, until it goes on. */
  let left: string | undefined

  const oldest = () => recent.oldest ?? at

  return {
    get at() {
      return at
    },
    knows: id => compareIds(id, oldest()) <= 0 || recent.has(id),
    precedes: id => compareIds(id, oldest()) < 0,
    isCutBack: ({ prev }) => prev !== undefined && compareIds(prev, at) < 0 && compareIds(oldest(), at) < 0,
    rewind(end) {
      left ??= at
      // What was given behind the end, the log has lost.
      if (end !== undefined) recent.forgetBehind(end)
      at = recent.oldest ?? end ?? at
      if (recent.oldest === undefined) recent.add(at)
    },
    gapBefore({ id, prev }) {
      if (left === undefined && (fresh || prev === undefined || prev === at)) return undefined
      return { after: left ?? at, before: id }
    },
    took(id) {
      // The entry follows this: what was given behind it, the log has lost.
      if (left !== undefined) recent.forgetBehind(at)
      recent.add(id)
      left = undefined
      fresh = false
      at = id
    },
    passed(id) {
      at = id
    },
  }
}
