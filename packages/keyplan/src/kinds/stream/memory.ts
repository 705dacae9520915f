import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError } from '../../base/error.ts'
import { isBehind } from './entry-id.ts'
import { createMemoryGroup, type MemoryGroup } from './memory-group.ts'
import type { StreamSettings } from './settings.ts'
import type { StreamStore } from './store.ts'

/** An entry of a stream in memory. */
export interface MemoryEntry {
  readonly id: string
  /** Its place among all that were ever added, from 1. */
  readonly position: number
  readonly at: number
  readonly value: Stored
  /** Of a dead letter that was sent back: the group it is for, and the id it first had. */
  readonly for?: string
  readonly origin?: string
}

/** A stream in memory: its entries in order, and where each place is found. */
export interface MemoryLog {
  entries: MemoryEntry[]
  added: number
  readonly groups: Map<string, MemoryGroup>
  readonly tokens: Map<string, { readonly id: string; readonly until: number }>
  readonly bells: Set<() => void>
  append(value: Stored, more?: Pick<MemoryEntry, 'for' | 'origin'>): string
}

/** Nothing is evicted: a stream that is to hold more than this says so. */
const mostEntries = 1_000_000

/** The streams of one process. */
export function createMemoryStreamStore(settings: StreamSettings, clock: Clock): StreamStore {
  const { keep } = settings
  const logs = new Map<string, MemoryLog>()

  function logOf(key: string): MemoryLog {
    const known = logs.get(key)
    if (known) return known
    let lastAt = 0
    let sequence = 0
    const log: MemoryLog = {
      entries: [],
      added: 0,
      groups: new Map(),
      tokens: new Map(),
      bells: new Set(),
      append(value, more) {
        if (log.entries.length >= mostEntries) {
          const message = `This process already holds ${log.entries.length} entries of a stream in memory`
          throw new KeyplanError('OVERLOADED', message, { outcome: 'not-executed' })
        }
        const at = Math.max(lastAt, Math.floor(clock.wall()))
        sequence = at === lastAt ? sequence + 1 : 0
        lastAt = at
        log.added++
        const id = `${at}-${sequence}`
        log.entries.push({ id, position: log.added, at, value, ...more })
        trim(key, log)
        for (const ring of log.bells) ring()
        return id
      },
    }
    logs.set(key, log)
    return log
  }

  function trim(key: string, log: MemoryLog): void {
    let cut = keep.entries === undefined ? 0 : Math.max(0, log.entries.length - keep.entries)
    if (keep.ageMs !== undefined) {
      const oldest = clock.wall() - keep.ageMs
      while (cut < log.entries.length && log.entries[cut]!.at < oldest) cut++
    }
    if (keep.untilRead && cut > 0) {
      const { id } = log.entries.at(-1)!
      // A group that nobody has worked for needs what lies behind its start, as soon as something does.
      for (const [name, { start }] of Object.entries(settings.groups)) {
        if (start !== '$' && !isBehind(id, start)) groupOf(key, name)
      }
      const first = log.entries[0]!.position
      for (const group of log.groups.values()) cut = Math.min(cut, group.needed() - first)
    }
    // To move what stays costs as much as there is of it, so it is done for many at once.
    if (cut >= Math.min(100, log.entries.length / 2)) log.entries = log.entries.slice(cut)
  }

  function groupOf(key: string, name: string): MemoryGroup {
    const log = logOf(key)
    const known = log.groups.get(name)
    if (known) return known
    const group = createMemoryGroup(log, name, settings, clock)
    log.groups.set(name, group)
    return group
  }

  return {
    append: async (_, requests) => requests.map(({ key, value }) => logOf(key).append(value)),
    async appendOnce(_, key, value, token) {
      const log = logOf(key)
      const now = clock.now()
      for (const [name, { until }] of log.tokens) {
        if (until > now) break
        log.tokens.delete(name)
      }
      const known = log.tokens.get(token)
      if (known) return { id: known.id, duplicate: true }
      const id = log.append(value)
      log.tokens.set(token, { id, until: now + settings.dedupeMs })
      return { id, duplicate: false }
    },
    take: async (_, key, request) => groupOf(key, request.group).take(request),
    wait: (key, last, ms, signal) =>
      new Promise(resolve => {
        const log = logOf(key)
        const end = () => {
          timer.cancel()
          log.bells.delete(end)
          signal.removeEventListener('abort', end)
          resolve()
        }
        const timer = clock.after(ms, end, true)
        log.bells.add(end)
        signal.addEventListener('abort', end)
        const newest = log.entries.at(-1)
        if (signal.aborted || (newest && newest.id !== last && !isBehind(newest.id, last))) end()
      }),
    done: async (_, key, group, ids, effects) => groupOf(key, group).done(ids, effects),
    claim: async (_, key, group, claims, ms) => groupOf(key, group).claim(claims, ms),
    postpone: async (_, key, group, entries) => groupOf(key, group).postpone(entries),
    unfinished: async (_, key, group, ids) => groupOf(key, group).unfinished(ids),
    // No reply is lost within a process.
    reclaim: async () => {},
    bury: async (_, key, group, burial) => groupOf(key, group).bury(burial),
    extend: async (_, key, { group, consumer }, receipts, ordered) =>
      groupOf(key, group).extend(consumer, receipts, ordered),
    renew: async (_, key, group, claims, ms) => groupOf(key, group).renew(claims, ms),
    // Nobody else takes from this memory, and what is given out is known.
    sweep: async () => ({ cursor: '0-0', adopted: 0, lost: [], removed: 0 }),
    leave: async (_, key, { group, consumer }) => groupOf(key, group).leave(consumer),
    inspect: async (_, key, group) => groupOf(key, group).inspect(),
    letters: async (_, key, group, after, limit) => groupOf(key, group).letters(after, limit),
    redrive: async (_, key, group, ids) => groupOf(key, group).redrive(ids),
    purge: async (_, key, group, ids) => groupOf(key, group).purge(ids),
    length: async (_, key) => logOf(key).entries.length,
  }
}
