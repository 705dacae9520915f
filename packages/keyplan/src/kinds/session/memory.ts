import type { Clock } from '../../base/clock.ts'
import type { LocalWake } from '../../mechanisms/wake.ts'
import type { Happening } from './announcing.ts'
import { createKept } from './kept.ts'
import { listSlackMs } from './list-scripts.ts'
import type { SessionNames } from './names.ts'
import { headOf, withHead } from './record.ts'
import type { Draft, Ended, Ending, Saved, SessionStore } from './store.ts'

/** When each key of a user was noted, and when the last one. */
interface List {
  readonly noted: Map<string, number>
  readonly latest: number
}

/**
 * The sessions of one process. When there are `maxEntries` that live, no further one begins: to forget one would log somebody
 * out. Of those that ended it keeps as many traces, the newest.
 */
export function createMemorySessionStore(
  names: SessionNames,
  wake: LocalWake,
  clock: Clock,
  tell: (happening: Happening & { readonly text: string }) => void = () => {},
  maxEntries = 100_000,
): SessionStore {
  const time = () => Math.floor(clock.wall())
  const kept = createKept(time, maxEntries)
  /** By user, in the order they were last written. */
  const lists = new Map<string, List>()

  function put(key: string, version: number, until: number, ttlMs: number, rest: string): Saved {
    kept.makeRoom(key)
    const seen = time()
    kept.put(key, withHead(version, seen, until, rest), Math.min(seen + ttlMs, until))
    return { is: 'saved', seen, until }
  }
  function read(key: string) {
    const raw = kept.at(key)
    return { raw, head: raw === null ? undefined : headOf(raw) }
  }
  /** The lists that were written longest ago, of users who are gone. */
  function dropIdle(before: number): void {
    for (const [name, { latest }] of lists) {
      if (latest > before) return
      lists.delete(name)
    }
  }
  const isLate = ({ notAfter }: Draft) => notAfter !== undefined && time() > notAfter
  const again = (raw: string, { rest }: Draft): Saved | undefined => {
    const head = headOf(raw)
    return head?.rest === rest ? { is: 'saved', seen: head.seen, until: head.until } : undefined
  }

  const begin = (key: string, draft: Draft) =>
    put(key, 1, draft.until ?? Number.MAX_SAFE_INTEGER, draft.ttlMs, draft.rest)
  function end(key: string, { version, trace, keepMs }: Ending): Ended {
    const { raw, head } = read(key)
    if (raw === null || !head || (version !== undefined && head.version !== version)) return { is: 'found', raw }
    kept.end(key, trace, time() + keepMs)
    wake.notify(names.wake(key))
    return { is: 'ended', raw }
  }

  return {
    touch: async (_, keys, { ttlMs, everyMs }) =>
      keys.map(key => {
        const { raw, head } = read(key)
        if (!head || Math.abs(time() - head.seen) < everyMs) return { raw, touched: false }
        put(key, head.version, head.until, ttlMs, head.rest)
        return { raw: kept.at(key), touched: true }
      }),
    look: async (_, keys) => keys.map(key => ({ raw: kept.at(key), touched: false })),
    async create(_, key, draft) {
      const raw = kept.at(key)
      if (raw !== null) return again(raw, draft) ?? { is: 'found', raw }
      if (isLate(draft)) return { is: 'late' }
      const begun = begin(key, draft)
      tell({ event: 'created', key, text: draft.rest })
      return begun
    },
    async save(_, key, version, draft) {
      const { raw, head } = read(key)
      if (!head || head.version !== version) return (raw && again(raw, draft)) || { is: 'found', raw }
      if (isLate(draft)) return { is: 'late' }
      return put(key, version + 1, draft.until ?? head.until, draft.ttlMs, draft.rest)
    },
    async prolong(_, key, ttlMs, until) {
      const { head } = read(key)
      if (head && head.until < until) put(key, head.version, until, ttlMs, head.rest)
    },
    async end(_, key, ending) {
      const ended = end(key, ending)
      if (ended.is === 'ended') tell({ event: 'ended', key, text: ended.raw })
      return ended
    },
    async move(_, key, to, draft, ending) {
      if (isLate(draft)) return { is: 'late' }
      // There is room: that of the one which ends.
      const ended = end(key, ending)
      if (ended.is !== 'ended') return ended
      tell({ event: 'moved', key, to, text: draft.rest })
      return begin(to, draft)
    },
    async note(_, list, key, keptMs, most) {
      const at = time()
      const { noted } = lists.get(list) ?? { noted: new Map<string, number>() }
      for (const [name, when] of noted) if (when <= at - keptMs - listSlackMs) noted.delete(name)
      noted.set(key, at)
      lists.delete(list)
      lists.set(list, { noted, latest: at })
      dropIdle(at - keptMs - listSlackMs)
      return { at, crowd: most !== undefined && noted.size > most ? [...noted.keys()] : [] }
    },
    listed: async (_, list) => [...(lists.get(list)?.noted.keys() ?? [])],
    async strike(_, list, keys, idleMs) {
      const noted = lists.get(list)?.noted
      for (const key of keys) {
        const at = noted?.get(key)
        if (at !== undefined && at <= time() - idleMs) noted?.delete(key)
      }
      if (noted?.size === 0) lists.delete(list)
    },
  }
}
