import type { Clock } from '../../base/clock.ts'
import { createSource, type Source } from '../source.ts'
import { beginning, compareIds, type LogEntry } from './entry.ts'
import type { LogListener } from './log.ts'
import { createPlace, type LogGap } from './place.ts'

/** One reader of one log, in order: first what lies there already, then what comes, with nothing twice between. */
export interface Follower extends LogListener {
  /** There is room again for what `accept` had refused. */
  room(): void
  close(): void
}

interface FollowerParts {
  readonly namespace: string
  /** Where it begins; undefined for everything that is kept. */
  readonly from: string | undefined
  /** It has everything up to there already. Default: false, and it begins by reading. */
  readonly live?: boolean
  /** It was given `from` at another time, perhaps by a server that another one has followed. Default: false. */
  readonly resumed?: boolean
  /** Most entries that `accept` has room for, if that is less than a page. */
  readonly most: number
  /** The entries behind an id, the oldest first. */
  range(after: string, count: number): Promise<readonly LogEntry[]>
  /** The id of the newest entry; undefined where there is none. */
  newest(): Promise<string | undefined>
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
 * no room, the log itself is read on from there, until what it gives and what is heard meanwhile join. Where the log has lost
 * what was given already, it is read on from what is known to be there.
 */
export function createFollower(parts: FollowerParts): Follower {
  const { namespace, from, most, range, newest, accept, caughtUp, clock } = parts
  const page = Math.min(longestPage, most)
  const place = createPlace(from)
  let live = parts.live === true
  let full = false
  /** Another server may have followed the one that was read last. */
  let unsure = parts.resumed === true
  /** The newest entry that was heard of. */
  let known = place.at
  /** The last that were heard while the log was being read. */
  let heard: LogEntry[] = []
  /** In front of what was heard and lies before all that is remembered: it is of a log that begins anew there. */
  let front: string | undefined
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
    if (!take(entry, place.gapBefore(entry))) return false
    place.took(entry.id)
    return true
  }

  function rewind(end?: string): void {
    place.rewind(end)
    known = place.at
  }

  /** Takes what was read. Says whether that was all of it: it may have to be read from further back, or there is no room. */
  function takePage(entries: readonly LogEntry[]): boolean {
    for (const entry of entries) {
      // Whatever a store gives, nothing is taken twice.
      if (compareIds(entry.id, place.at) <= 0) continue
      if (place.isCutBack(entry)) {
        rewind()
        return false
      }
      if (place.knows(entry.id)) place.passed(entry.id)
      else if (!takeNext(entry)) return false
    }
    return true
  }

  /** Takes of what was heard what follows without a hole. */
  function takeHeard(): void {
    const entries = heard
    heard = []
    for (const entry of entries) {
      if (compareIds(entry.id, place.at) > 0 && (entry.prev !== place.at || !takeNext(entry))) return
    }
  }

  /** Goes back if the log ends before where it stands: nothing new would be found behind that. */
  async function isCutOff(): Promise<boolean> {
    const end = (await newest()) ?? beginning
    unsure = false
    const [begins] = [front ?? end, end].sort(compareIds)
    front = undefined
    if (compareIds(end, place.at) >= 0) return false
    rewind(begins)
    return true
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
      const entries = await range(place.at, page)
      well()
      if (!takePage(entries)) return full ? rest() : undefined
      if (entries.length === page || doubts !== doubtsBefore) return undefined
      if (entries.length > 0) unsure = false
      if (compareIds(toldBefore, place.at) > 0) {
        // It was told of, and taken away before it could be read.
        if (!take(undefined, { after: place.at, before: undefined })) return rest()
        place.took(toldBefore)
        unsure = true
      }
      if (unsure && (await isCutOff())) return undefined
      takeHeard()
      if (!full && compareIds(known, place.at) > 0) return undefined
      if (!full) {
        live = true
        caughtUp(place.at)
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
  function doubt(): void {
    unsure = true
    if (!full) readOn()
  }

  return {
    heard(entry) {
      if (compareIds(entry.id, known) > 0) known = entry.id
      if (compareIds(entry.id, place.at) <= 0) {
        // Of a server that is behind the one before.
        const isBeforeAll = live && place.precedes(entry.id)
        if (isBeforeAll) front = entry.prev
        if (isBeforeAll || !place.knows(entry.id)) doubt()
      } else if (full) return
      else if (!live) {
        if (heard.length === longestPage) heard.shift()
        heard.push(entry)
      } else if (entry.prev === place.at) takeNext(entry)
      else readOn()
    },
    missed: doubt,
    room() {
      if (!full) return
      full = false
      readOn()
    },
    close() {
      full = true
      void source?.close(0)
    },
  }
}
