import { KeyplanError } from '../../base/error.ts'

/** What a process keeps of sessions by itself: the text at each key, until it ends. */
export interface Kept {
  /** How many keys have a text, traces included. */
  readonly size: number
  /** The text of a session, or the trace of one. */
  at(key: string): string | null
  /** @throws KeyplanError OVERLOADED when there is no room for one more that lives */
  makeRoom(key: string): void
  put(key: string, raw: string, ends: number): void
  /** Leaves a trace in the place of a session. */
  end(key: string, trace: string, ends: number): void
}

interface Entry {
  readonly raw: string
  readonly ends: number
}

/** A full store looks through all its sessions for those that have expired at most this often. */
const sweepMs = 1_000

/**
 * Traces take no room from sessions: there are `most` of each. Where there are more traces, the oldest one goes, which only
 * somebody would miss who creates sessions under ids of his own.
 *
 * @param time milliseconds since the epoch
 */
export function createKept(time: () => number, most: number): Kept {
  /** Both in the order of writing, which is nearly that of their ends. */
  const sessions = new Map<string, Entry>()
  const traces = new Map<string, Entry>()
  let sweptAt = Number.NEGATIVE_INFINITY

  /** Those in front that have ended. */
  function dropEnded(among: Map<string, Entry>, now: number): void {
    for (const [key, { ends }] of among) {
      if (ends > now) return
      among.delete(key)
    }
  }

  return {
    get size() {
      return sessions.size + traces.size
    },
    at(key) {
      const now = time()
      dropEnded(sessions, now)
      dropEnded(traces, now)
      const entry = sessions.get(key) ?? traces.get(key)
      return entry !== undefined && entry.ends > now ? entry.raw : null
    },
    makeRoom(key) {
      if (sessions.size < most || sessions.has(key)) return
      const now = time()
      if (now - sweptAt >= sweepMs) {
        sweptAt = now
        for (const [name, { ends }] of sessions) if (ends <= now) sessions.delete(name)
      }
      if (sessions.size < most) return
      const many = `This process already keeps ${sessions.size} sessions in memory`
      throw new KeyplanError('OVERLOADED', many, { outcome: 'not-executed' })
    },
    put(key, raw, ends) {
      sessions.delete(key)
      sessions.set(key, { raw, ends })
    },
    end(key, trace, ends) {
      sessions.delete(key)
      traces.delete(key)
      traces.set(key, { raw: trace, ends })
      if (traces.size > most) traces.delete(traces.keys().next().value!)
    },
  }
}
