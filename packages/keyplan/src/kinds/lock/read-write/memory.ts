import type { Call } from '../../../base/call.ts'
import type { Clock } from '../../../base/clock.ts'
import { KeyplanError } from '../../../base/error.ts'
import { tooLate } from '../../../mechanisms/lease/requests.ts'
import type { Acquisition, Seat } from '../../../mechanisms/lease/steps.ts'
import type { LocalWake } from '../../../mechanisms/wake.ts'
import { readHolder } from '../holder.ts'
import { forcedOf, freeOf } from '../names.ts'
import type { LockRequest, LockStore, LockView } from '../store.ts'
import type { Mode } from './scripts.ts'

interface Lease {
  readonly fence: string
  readonly since: number
  until: number
}

interface Place {
  readonly since: number
  until: number
}

/** One lock: who reads and who writes, by owner, and since when readers and writers wait. */
interface Entry {
  readonly leases: Readonly<Record<Mode, Map<string, Lease>>>
  readonly places: Map<Mode, Place>
}

const other: Readonly<Record<Mode, Mode>> = { read: 'write', write: 'read' }

/**
 * The read-write locks of one process. All its readers and all its writers have one place in line each.
 *
 * @param channel where readers and writers are told
 */
export function createMemoryReadWriteStores(
  channel: string,
  wake: LocalWake,
  clock: Clock,
  maxEntries = 100_000,
): Readonly<Record<Mode, LockStore>> {
  const entries = new Map<string, Entry>()
  let lastFence = 0
  let order = 0

  function find(key: string): Entry | undefined {
    const entry = entries.get(key)
    if (!entry) return undefined
    const now = clock.now()
    for (const leases of Object.values(entry.leases)) {
      for (const [owner, { until }] of leases) if (until <= now) leases.delete(owner)
    }
    for (const [mode, { until }] of entry.places) if (until <= now) entry.places.delete(mode)
    if (isIdle(entry) && entry.places.size === 0) entries.delete(key)
    return entries.get(key)
  }
  const isIdle = ({ leases }: Entry) => leases.read.size === 0 && leases.write.size === 0

  /** Who waits is told, also when nobody releases it. */
  const tellAt = (ms: number, key: string) =>
    clock.after(ms + 1, () => {
      find(key)
      wake.notify(channel, freeOf(key))
    })

  function blockers(entry: Entry, mode: Mode): readonly Lease[] {
    const { read, write } = entry.leases
    return mode === 'read' ? [...write.values()] : [...write.values(), ...read.values()]
  }

  /** @param together readers that come in one step enter together */
  function acquire(call: Call, request: LockRequest, ttlMs: number, mode: Mode, together: Set<string>): Acquisition {
    const { key, claim, seat } = request
    if (clock.now() > call.expires) throw tooLate('lock')
    const entry = find(key) ?? { leases: { read: new Map(), write: new Map() }, places: new Map() }
    const own = entry.leases[mode].get(claim.owner)
    if (!own) {
      const before = blockers(entry, mode)
      const mine = entry.places.get(mode)
      const theirs = entry.places.get(other[mode])
      const isBehind = theirs !== undefined && theirs.since < (mine?.since ?? Number.POSITIVE_INFINITY)
      if (before.length > 0 || (isBehind && !together.has(key))) {
        if (seat) sit(key, entry, mode, seat)
        const ends = before.map(({ until }) => until - clock.now())
        return { granted: false, remainingMs: before.length > 0 ? Math.max(...ends) : undefined }
      }
      if (!entries.has(key) && entries.size >= maxEntries) {
        throw new KeyplanError('OVERLOADED', `This process already holds ${entries.size} locks in memory`, {
          outcome: 'not-executed',
        })
      }
    }
    if (mode === 'write' && !own) lastFence = Math.max(lastFence + 1, Math.floor(clock.wall() * 1_000))
    const until = clock.now() + ttlMs
    const fence = own?.fence ?? (mode === 'write' ? String(lastFence) : '0')
    entry.leases[mode].set(claim.owner, { fence, since: own?.since ?? Math.floor(clock.wall()), until })
    entries.set(key, entry)
    if (seat) entry.places.delete(mode)
    if (seat?.again) sit(key, entry, mode, seat)
    if (mode === 'read') together.add(key)
    tellAt(ttlMs, key)
    return { granted: true, fence, until, degraded: false }
  }

  function sit(key: string, entry: Entry, mode: Mode, { ms }: Seat): void {
    const place = entry.places.get(mode)
    entry.places.set(mode, { since: place?.since ?? ++order, until: clock.now() + ms })
    entries.set(key, entry)
  }

  function release(key: string, owner: string, mode: Mode): boolean {
    const freed = find(key)?.leases[mode].delete(owner) ?? false
    find(key)
    if (freed) wake.notify(channel, freeOf(key))
    return freed
  }

  function view(key: string): LockView {
    const entry = find(key)
    const [owner, writer] = entry ? ([...entry.leases.write][0] ?? []) : []
    const until = entry ? blockers(entry, 'write').map(lease => lease.until - clock.now()) : []
    return {
      locked: until.length > 0,
      remainingMs: until.length > 0 ? Math.max(...until) : undefined,
      holder: writer && readHolder(`${owner}#${writer.fence}@${writer.since * 1_000}`, clock.wall()),
      readers: entry?.leases.read.size ?? 0,
      waiters: 0,
    }
  }

  function storeFor(mode: Mode): LockStore {
    return {
      acquire: async (call, key, claim, ttlMs, seat) => acquire(call, { key, claim, seat }, ttlMs, mode, new Set()),
      async acquireMany(call, requests, ttlMs) {
        const together = new Set<string>()
        return requests.map(request => acquire(call, request, ttlMs, mode, together))
      },
      confirm: async (_, key, { owner }) => find(key)?.leases[mode].has(owner) ?? false,
      async extend(_, key, { owner }, ttlMs) {
        const lease = find(key)?.leases[mode].get(owner)
        if (!lease) return undefined
        lease.until = clock.now() + ttlMs
        tellAt(ttlMs, key)
        return lease.until
      },
      release: async (_, key, { owner }) => release(key, owner, mode),
      releaseMany: async (_, requests) => requests.map(({ key, claim }) => release(key, claim.owner, mode)),
      async withdraw(_, key, { owner }) {
        release(key, owner, mode)
        return 0
      },
      async leave(_, key) {
        find(key)?.places.delete(mode)
        find(key)
        wake.notify(channel, freeOf(key))
      },
      inspect: async (_, key) => view(key),
      async force(_, key) {
        const was = view(key)
        const entry = find(key)
        for (const leases of Object.values(entry?.leases ?? {})) {
          for (const { fence } of leases.values()) wake.notify(channel, forcedOf(fence, key))
          leases.clear()
        }
        find(key)
        wake.notify(channel, freeOf(key))
        return was
      },
    }
  }
  return { read: storeFor('read'), write: storeFor('write') }
}
