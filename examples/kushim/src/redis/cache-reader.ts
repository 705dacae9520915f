import type { CacheEntry } from 'keyplan'
import type { Changes } from './changes.ts'

export interface Cached<T> {
  readonly value: T
  /** It came from the cache, and nobody had to load it meanwhile. */
  readonly hit: boolean
}

export interface CacheReader {
  /** @param key tells the entries of this process apart */
  read<T>(key: string, entry: CacheEntry<T, T>, load: () => Promise<T | undefined>): Promise<Cached<T | undefined>>
}

interface Readers {
  count: number
  loads: number
}

/** Reads through the cache, except while it may hold what a change during an outage has outdated. */
export function createCacheReader(changes: Changes): CacheReader {
  const readers = new Map<string, Readers>()

  function enter(key: string): Readers {
    const present = readers.get(key) ?? { count: 0, loads: 0 }
    readers.set(key, present)
    present.count++
    return present
  }

  return {
    async read(key, entry, load) {
      if (!changes.settled) return { value: await load(), hit: false }
      // Those who ask for one key at a time share one load, so a reader whose own loader stayed idle had a hit only
      // if no other reader's ran either.
      const present = enter(key)
      const before = present.loads
      try {
        const value = await entry.getOrLoad(() => {
          present.loads++
          return load()
        })
        return { value, hit: present.loads === before && value !== undefined }
      } finally {
        if (--present.count === 0) readers.delete(key)
      }
    },
  }
}
