import type { Clock } from '../../base/clock.ts'
import { createSource, type Source } from '../source.ts'
import { beginning, compareIds, type LogEntry } from './entry.ts'
import type { LogListener } from './log.ts'

/** A hole in what a follower was given: entries between the two were taken away before it had read them. */
export interface LogGap {
  /** The last entry before the hole. */
  readonly after: string
  /** The first one behind it; undefined where none has come yet. */
  readonly before: string | undefined
}

/** One reader of one log, in order: first what lies there already, then what comes, with nothing twice between. */
export interface Follower extends LogListener {
  /** There is room again for what `accept` had refused. */
  room(): void
  /** The id of the last entry that was accepted. */
  readonly at: string
  close(): void
}

interface FollowerParts {
  readonly namespace: string
  /** Where it begins; undefined for everything that is kept. */
  readonly from: string | undefined
  /** It has everything up to there already. Default: false, and it begins by reading. */
  readonly live?: boolean
  /** Most entries that `accept` has room for, if that is less than a page. */
  readonly most: number
  /** The entries behind an id, the oldest first. */
  range(after: string, count: number): Promise<readonly LogEntry[]>
  /** Takes an entry and what is missing before it, or says that there is no room: it is offered again after `room`. */
  accept(entry: LogEntry | undefined, gap: LogGap | undefined): boolean
  /** It has read everything up to here, and goes on with what is heard. */
  caughtUp(at: string): void
  readonly clock: Clock
}

/** Most entries of one read, and most that are kept of those heard while it is under way. */
const longestPage = 200

/**
 * News are believed only where they follow what was read last. As soon as they do not, because one was missed or there was
 * no room, the log itself is read on from there, until what it gives and what is heard meanwhile join.
 */
export function createFollower(parts: FollowerParts): Follower {
  const { namespace, from, most, range, accept, caughtUp, clock } = parts
  const page = Math.min(longestPage, most)
  let at = from ?? beginning
  /** Nothing can be missing before the first entry of everything that is kept. */
  let fresh = from === undefined
  let live = parts.live === true
  let full = false
  /** The newest entry that was heard of. */
  let known = at
  /** The last that were heard while the log was being read. */
  let heard: LogEntry[] = []
  /** Counts what makes a page that was asked for earlier too short. */
  let doubts = 0

  /** Says whether there was room. */
  function take(entry: LogEntry | undefined, gap: LogGap | undefined): boolean {
    if (accept(entry, gap)) return true
    full = true
    live = false
    return false
  }

  function takeNext(entry: LogEntry): boolean {
    const hole = !fresh && entry.prev !== undefined && entry.prev !== at
    if (!take(entry, hole ? { after: at, before: entry.id } : undefined)) return false
    fresh = false
    at = entry.id
    return true
  }

  /** Takes of what was heard what follows without a hole. */
  function takeHeard(): void {
    const entries = heard
    heard = []
    for (const entry of entries) {
      if (compareIds(entry.id, at) > 0 && (entry.prev !== at || !takeNext(entry))) return
    }
  }

  let source: Source | undefined
  source = createSource({
    namespace,
    name: 'follower',
    clock,
    async turn({ well }) {
      if (live || full) return rest()
      const toldBefore = known
      const doubtsBefore = doubts
      heard = []
      const entries = await range(at, page)
      well()
      // Whatever a store gives, nothing is taken twice.
      for (const entry of entries) if (compareIds(entry.id, at) > 0 && !takeNext(entry)) return rest()
      if (entries.length === page || doubts !== doubtsBefore) return undefined
      if (compareIds(toldBefore, at) > 0) {
        // It was told of, and taken away before it could be read.
        if (!take(undefined, { after: at, before: undefined })) return rest()
        at = toldBefore
        fresh = false
      }
      takeHeard()
      if (!full && compareIds(known, at) > 0) return undefined
      if (!full) {
        live = true
        caughtUp(at)
      }
      return rest()
    },
    // The connection tells of outages, and each gap is told to who follows.
    notify: () => {},
  })

  function rest(): undefined {
    source?.pause()
    return undefined
  }
  function readOn(): void {
    live = false
    doubts++
    source?.resume()
    source?.ring()
  }

  return {
    heard(entry) {
      if (compareIds(entry.id, known) > 0) known = entry.id
      if (full || compareIds(entry.id, at) <= 0) return
      if (!live) {
        if (heard.length === longestPage) heard.shift()
        heard.push(entry)
      } else if (entry.prev === at) takeNext(entry)
      else readOn()
    },
    missed() {
      if (!full) readOn()
    },
    room() {
      if (!full) return
      full = false
      readOn()
    },
    get at() {
      return at
    },
    close() {
      full = true
      void source?.close(0)
    },
  }
}
