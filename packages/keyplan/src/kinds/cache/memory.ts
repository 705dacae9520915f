import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import type { CacheStore, Standing, Version } from './contract.ts'
import { markOf } from './mark.ts'
import type { CacheNames } from './names.ts'
import { splitAtTags } from './tag-header.ts'

export interface MemoryBound {
  readonly entries: number
  readonly bytes: number
}

/** What a cache may hold in a process: 10,000 values and 64 MB. */
export const defaultBound: MemoryBound = { entries: 10_000, bytes: 67_108_864 }

/** The promises of the store, kept in this process, within a bound: the least recently used values go first. */
export function createMemoryCacheStore(
  names: CacheNames,
  traceTtlMs: number,
  clock: Clock,
  bound: MemoryBound = defaultBound,
): CacheStore {
  // lru-cache takes a start of 0 for "no time to live".
  const perf = { now: () => clock.now() + 1 }
  const values = new LRUCache<string, { stored: Stored }>({
    max: bound.entries,
    maxSize: bound.bytes,
    sizeCalculation: ({ stored }, key) => key.length + stored.length,
    ttlResolution: 0,
    ttl: 1,
    perf,
  })
  const traces = new LRUCache<string, { count: number }>({
    max: bound.entries,
    ttlResolution: 0,
    ttl: traceTtlMs,
    perf,
  })
  const tags = new LRUCache<string, { version: Version }>({ max: bound.entries })
  let count = 0
  let cleared = 0
  /** Versions must never repeat, or a value could outlive a tag that was forgotten and made anew. */
  let lastVersion = 0

  function versionOf(tag: string): Version {
    let entry = tags.get(tag)
    if (!entry) {
      entry = { version: String(++lastVersion) }
      tags.set(tag, entry)
    }
    return entry.version
  }
  const put = (key: string, stored: Stored, ttl: number) => void values.set(key, { stored }, { ttl })

  return {
    async read(_call, keys, asked) {
      return {
        seen: String(count),
        tags: asked.map(tag => tags.get(tag)?.version ?? null),
        values: keys.map(key => values.get(key)?.stored ?? null),
      }
    },
    async write(_call, key, value, ttl, asked) {
      if (asked.length > 0) {
        const { before, after } = splitAtTags(value)
        put(key, joined(before, asked.map(versionOf).join(','), after), ttl)
      } else put(key, value, ttl)
    },
    async keep(_call, key, { value, ttlMs, seen, late, replaces }) {
      if (count !== Number(seen)) {
        const trace = traces.get(names.trace(key))?.count ?? 0
        if (late || trace > Number(seen) || cleared > Number(seen)) return false
      }
      const standing = values.get(key)?.stored
      if (standing !== undefined && !mayReplace(standing, replaces)) return false
      put(key, value, ttlMs)
      return true
    },
    async remove(_call, keys) {
      count++
      for (const key of keys) {
        values.delete(key)
        traces.set(names.trace(key), { count })
      }
    },
    async track(_call, asked) {
      return asked.map(versionOf)
    },
    async outdate(_call, asked) {
      for (const tag of asked) tags.set(tag, { version: String(++lastVersion) })
    },
    async forget() {
      cleared = ++count
    },
    async sweep() {
      const removed = values.size
      values.clear()
      return { cursor: '0', removed }
    },
  }
}

function mayReplace(standing: Stored, replaces: Standing): boolean {
  return replaces === 'anything' || (replaces !== 'nothing' && markOf(standing) === replaces.mark)
}

function joined(before: Stored, versions: string, after: Stored): Stored {
  if (typeof before === 'string' && typeof after === 'string') return before + versions + after
  return Buffer.concat([before, versions, after].map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
}
