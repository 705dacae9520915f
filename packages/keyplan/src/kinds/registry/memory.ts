import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import type { LocalServer } from '../../mechanisms/log/local.ts'
import type { RegistryNames } from './names.ts'
import type { RegistrySettings } from './settings.ts'
import {
  type Entry,
  type Found,
  mostTurns,
  type Place,
  type Put,
  type PutResult,
  type Query,
  type RegistryStore,
  type Standing,
  type Sweep,
} from './store.ts'

interface Kept extends Entry {
  readonly joinedAt: number
  /** Reading of the clock. */
  ends: number
}

interface Registry {
  /** In the order in which their leases end. */
  readonly members: Map<string, Kept>
  /** Who was picked last, by what was asked for. */
  readonly turns: Map<string, string>
}

const hasAll = (terms: readonly string[]) => (kept: Kept) => terms.every(term => kept.terms.includes(term))
const byId = (left: Kept, right: Kept) => (left.id < right.id ? -1 : 1)
const byLoad = (left: Kept, right: Kept) =>
  left.load < right.load ? -1 : left.load > right.load ? 1 : byId(left, right)
const found = ({ joinedAt, load, head, metadata }: Kept): Found => ({ joinedAt, load, head, metadata })

/** The registries of one process. When `maxMembers` are there, no further one is let in. */
export function createMemoryRegistryStore(
  names: RegistryNames,
  { leaseMs, terms: logTerms }: RegistrySettings,
  local: LocalServer,
  clock: Clock,
  told: (sweep: Sweep) => void,
  maxMembers = 100_000,
): RegistryStore {
  const registries = new Map<string, Registry>()
  let size = 0

  function tell({ key, announcement }: Place, type: string, { head, metadata }: Entry, replaced = false): void {
    const more = replaced ? ',"replaced":true' : ''
    const event = `{"type":"${type}","member":{${head},"metadata":${metadata}}${more}}`
    // What it does, it does at once; and it refuses when there are too many logs.
    local.log.append(noCall, names.keys(key).log, event, logTerms).catch(({ message }: Error) => {
      told({ expired: 0, unannounced: message })
    })
    if (announcement) local.announce(announcement, event)
  }

  /** The registry, without those whose lease has ended. */
  function open(place: Place): Registry {
    const registry = registries.get(place.key) ?? { members: new Map(), turns: new Map() }
    registries.set(place.key, registry)
    let expired = 0
    for (const kept of registry.members.values()) {
      if (kept.ends > clock.now()) break
      drop(place, registry, kept, 'expired')
      expired++
    }
    if (expired > 0) told({ expired, unannounced: undefined })
    return registry
  }
  function drop(place: Place, { members }: Registry, kept: Kept, why: 'left' | 'expired'): void {
    members.delete(kept.id)
    size--
    tell(place, why, kept)
  }
  function close({ key }: Place, { members }: Registry): void {
    if (members.size === 0) registries.delete(key)
  }

  function write(put: Put): PutResult {
    const { mode, entry } = put
    const registry = open(put)
    const { members } = registry
    const before = members.get(entry.id)
    const own = before?.token === entry.token ? before : undefined
    if ((mode === 'update' && !own) || (mode === 'rejoin' && before && !own)) {
      close(put, registry)
      return before ? 'replaced' : 'gone'
    }
    if (!before && size >= maxMembers) {
      throw new KeyplanError('OVERLOADED', `This process already keeps ${size} members in memory`, {
        outcome: 'not-executed',
      })
    }
    if (!before) size++
    const joinedAt = own?.joinedAt ?? Math.floor(clock.wall())
    members.delete(entry.id)
    members.set(entry.id, { ...entry, joinedAt, ends: clock.now() + leaseMs })
    if (!own) tell(put, 'joined', entry, before !== undefined)
    else if (own.head !== entry.head || own.metadata !== entry.metadata || own.terms.join() !== entry.terms.join()) {
      tell(put, 'updated', entry)
    }
    return { joinedAt }
  }

  const select = (place: Place, { terms, order }: Pick<Query, 'terms' | 'order'>): Kept[] => {
    const registry = open(place)
    close(place, registry)
    return [...registry.members.values()].filter(hasAll(terms)).sort(order === 'load' ? byLoad : byId)
  }

  return {
    put: async (_, puts) => puts.map(write),
    async beat(_, place, standing) {
      const registry = registries.get(place.key)
      const absent = standing.flatMap(({ id, token }, at) => {
        const kept = registry?.members.get(id)
        if (kept?.token !== token) return [{ place: at, why: kept ? ('replaced' as const) : ('gone' as const) }]
        registry!.members.delete(id)
        registry!.members.set(id, { ...kept, ends: clock.now() + leaseMs })
        return []
      })
      const { members } = open(place)
      const soonest = members.values().next().value
      close(place, { members, turns: new Map() })
      return { expired: 0, unannounced: undefined, absent, nextMs: soonest && soonest.ends - clock.now() }
    },
    async leave(_, place, standing: readonly Standing[]) {
      const registry = open(place)
      const replaced: number[] = []
      let left = 0
      for (const [at, { id, token }] of standing.entries()) {
        const kept = registry.members.get(id)
        if (kept?.token === token) {
          drop(place, registry, kept, 'left')
          left++
        } else if (kept) replaced.push(at)
      }
      close(place, registry)
      return { left, replaced }
    },
    async find(_, place, query) {
      const { limit, after } = query
      const behind = select(place, query).filter(({ id }) => after === undefined || id > after)
      return behind.slice(0, limit).map(found)
    },
    async pick(_, place, query) {
      const all = select(place, query)
      const least = query.order === 'load' ? all.filter(({ load }) => load === all[0]?.load) : all
      const { turns } = registries.get(place.key) ?? { turns: new Map<string, string>() }
      const turn = `${query.order} ${query.terms.join()}`
      const before = turns.get(turn)
      const next = (before !== undefined && least.find(({ id }) => id > before)) || least[0]
      if (before === undefined && turns.size >= mostTurns) turns.clear()
      if (next) turns.set(turn, next.id)
      return next && found(next)
    },
    async get(_, place, id) {
      const registry = open(place)
      close(place, registry)
      const kept = registry.members.get(id)
      return kept && found(kept)
    },
    count: async (_, place, terms) => select(place, { terms, order: 'id' }).length,
  }
}

/** The log of this process has no link to be asked over. */
const noCall = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }
