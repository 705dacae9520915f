import type { Call } from '../../base/call.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import { tooLate } from '../../mechanisms/lease/requests.ts'
import type { Acquisition } from '../../mechanisms/lease/steps.ts'
import type { LocalWake } from '../../mechanisms/wake.ts'
import { readHolder } from './holder.ts'
import { forcedOf, freeOf, type LockNames } from './names.ts'
import type { LockStore, LockView } from './store.ts'

interface Entry {
  readonly owner: string
  readonly fence: string
  /** Epoch milliseconds. */
  readonly since: number
  until: number
  timer: Timer
}

/**
 * The locks of one process. An entry leaves with its time to live, so only what is held takes space; when `maxEntries`
 * are held, no other is taken.
 */
export function createMemoryLockStore(
  names: LockNames,
  wake: LocalWake,
  clock: Clock,
  maxEntries = 100_000,
): LockStore {
  const entries = new Map<string, Entry>()
  /** One count for all keys: it grows for each of them, and keeps nothing of the keys that are gone. */
  let lastFence = 0

  function find(key: string): Entry | undefined {
    const entry = entries.get(key)
    if (entry && entry.until <= clock.now()) free(key, entry)
    return entries.get(key)
  }
  function owned(key: string, owner: string): Entry | undefined {
    const entry = find(key)
    return entry?.owner === owner ? entry : undefined
  }
  function free(key: string, entry: Entry): void {
    entry.timer.cancel()
    entries.delete(key)
    wake.notify(names.wake(''), freeOf(key))
  }
  function prolong(entry: Entry, key: string, ttlMs: number): number {
    entry.timer.cancel()
    entry.until = clock.now() + ttlMs
    // Real timers may fire up to a millisecond early.
    entry.timer = clock.after(ttlMs + 1, () => find(key))
    return entry.until
  }
  function release(key: string, owner: string): boolean {
    const entry = owned(key, owner)
    if (entry) free(key, entry)
    return entry !== undefined
  }

  function view(entry: Entry | undefined): LockView {
    const holder = entry && readHolder(`${entry.owner}#${entry.fence}@${entry.since * 1_000}`, clock.wall())
    return {
      locked: entry !== undefined,
      remainingMs: entry && entry.until - clock.now(),
      holder,
      waiters: 0,
      readers: 0,
    }
  }

  function acquire(call: Call, key: string, owner: string, ttlMs: number): Acquisition {
    if (clock.now() > call.expires) throw tooLate('lock')
    const holder = find(key)
    if (holder && holder.owner !== owner) return { granted: false, remainingMs: holder.until - clock.now() }
    let entry = holder
    if (!entry) {
      if (entries.size >= maxEntries) {
        throw new KeyplanError('OVERLOADED', `This process already holds ${entries.size} locks in memory`, {
          outcome: 'not-executed',
        })
      }
      lastFence = Math.max(lastFence + 1, Math.floor(clock.wall() * 1_000))
      entry = {
        owner,
        fence: String(lastFence),
        since: Math.floor(clock.wall()),
        until: 0,
        timer: { cancel: () => {} },
      }
      entries.set(key, entry)
    }
    return { granted: true, fence: entry.fence, until: prolong(entry, key, ttlMs), degraded: false }
  }

  return {
    acquire: async (call, key, { owner }, ttlMs) => acquire(call, key, owner, ttlMs),
    acquireMany: async (call, requests, ttlMs) =>
      requests.map(({ key, claim }) => acquire(call, key, claim.owner, ttlMs)),
    confirm: async (_, key, { owner }) => owned(key, owner) !== undefined,
    async extend(_, key, { owner }, ttlMs) {
      const entry = owned(key, owner)
      return entry && prolong(entry, key, ttlMs)
    },
    release: async (_, key, { owner }) => release(key, owner),
    releaseMany: async (_, requests) => requests.map(({ key, claim }) => release(key, claim.owner)),
    async withdraw(_, key, { owner }) {
      release(key, owner)
      return 0
    },
    leave: async () => {},
    inspect: async (_, key) => view(find(key)),
    async force(_, key) {
      const entry = find(key)
      const was = view(entry)
      if (entry) {
        wake.notify(names.wake(''), forcedOf(entry.fence, key))
        free(key, entry)
      }
      return was
    },
  }
}
