import { LRUCache } from 'lru-cache'
import type { Clock } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { createFenceMarks } from '../../mechanisms/fencing.ts'
import { markOf } from './mark.ts'
import type { CacheStore, Version } from './store.ts'
import { joinAtTags, splitAtTags } from './tag-header.ts'
import { createTraces } from './traces.ts'

interface MemoryBound {
  readonly entries: number
  readonly bytes: number
}

/** What a cache may hold in a process: 10,000 values and 64 MB. */
const defaultBound: MemoryBound = { entries: 10_000, bytes: 67_108_864 }

/** Forgetting one would admit who is late. */
const mostFences = 100_000

/** The promises of the store, kept in this process, within a bound: the least recently used values go first. */
export function createMemoryCacheStore(clock: Clock, bound: MemoryBound = defaultBound): CacheStore {
  const values = new LRUCache<string, { stored: Stored }>({
    max: bound.entries,
    maxSize: bound.bytes,
    sizeCalculation: ({ stored }, key) => Buffer.byteLength(key) + Buffer.byteLength(stored),
    ttlResolution: 0,
    ttl: 1,
    // lru-cache takes a start of 0 for "no time to live".
    perf: { now: () => clock.now() + 1 },
  })
  const traces = createTraces(bound.entries)
  const tags = new LRUCache<string, { version: Version }>({ max: bound.entries })
  const fences = createFenceMarks(mostFences)
  /** Versions must never repeat, or a value could outlive a tag that was forgotten and made anew. */
  let lastVersion = 0
  /** No tag that was outdated has a version above it. A tag that begins to be tracked does not move it. */
  let epoch = 0

  function versionOf(tag: string): Version {
    let entry = tags.get(tag)
    if (!entry) {
      entry = { version: String(++lastVersion) }
      tags.set(tag, entry)
    }
    return entry.version
  }
  const put = (key: string, stored: Stored, ttl: number) => void values.set(key, { stored }, { ttl })
  const markAt = (key: string) => {
    const standing = values.get(key)?.stored
    return standing === undefined ? undefined : markOf(standing)
  }

  const write: CacheStore['write'] = async (_call, key, value, ttl, asked) => {
    if (asked.length > 0) {
      const { before, after } = splitAtTags(value)
      put(key, joinAtTags(before, asked.map(versionOf).join(','), after), ttl)
    } else put(key, value, ttl)
  }

  return {
    async read(_call, keys, asked) {
      return {
        seen: String(traces.count),
        tags: asked.map(tag => tags.get(tag)?.version ?? null),
        values: keys.map(key => values.get(key)?.stored ?? null),
      }
    },
    async writeFenced(call, key, value, ttl, asked, fence) {
      if (!fences.admit(key, fence)) return false
      await write(call, key, value, ttl, asked)
      return true
    },
    write,
    async track(_call, keys, asked) {
      const seen = String(traces.count)
      return { seen: keys.map(() => seen), tags: asked.map(versionOf) }
    },
    versions: async (_call, asked) => asked.map(tag => tags.get(tag)?.version ?? null),
    epoch: async () => String(epoch),
    async adopt(_call, asked, since) {
      const versions = asked.map(tag => {
        const known = tags.get(tag) ?? { version: String(epoch) }
        tags.set(tag, known)
        return known.version
      })
      const highest = Math.max(...versions.map(Number))
      if (highest <= Number(since)) return versions
      // One that began by itself is above the epoch without having been outdated: the next loads go beyond.
      epoch = Math.max(epoch, highest)
      return undefined
    },
    untouched: async (_call, key, seen) => traces.untouched(key, Number(seen)),
    async mark(_call, key) {
      const mark = markAt(key)
      return mark === undefined ? 'nothing' : { mark }
    },
    async keep(_call, key, { value, ttlMs, tags: asked, basis, replaces }) {
      const current =
        traces.untouched(key, Number(basis.seen)) &&
        asked.every((tag, index) => tags.get(tag)?.version === basis.tags[index])
      const standing = markAt(key)
      if (!current || (standing !== undefined && (replaces === 'nothing' || replaces.mark !== standing))) {
        return 'refused'
      }
      put(key, value, ttlMs)
      return 'stored'
    },
    // There is but one process, and it loads once.
    claim: async () => true,
    release: async () => {},
    async remove(_call, keys) {
      for (const key of keys) values.delete(key)
      traces.add(keys)
    },
    async outdate(_call, asked) {
      for (const tag of asked) tags.set(tag, { version: String(++lastVersion) })
      epoch = lastVersion
    },
    async forget() {
      traces.forget()
    },
    async sweep() {
      const removed = values.size
      values.clear()
      traces.forget()
      return { cursor: '0', removed }
    },
    async list() {
      values.purgeStale()
      return { cursor: '0', keys: [...values.keys()] }
    },
  }
}
