import type { Invalidations } from './journal.ts'
import type { CacheStore } from './store.ts'

/** A load that Redis does not help with goes on at once: it is answered, and not stored. */
const withoutRedis: Partial<CacheStore> = {
  track: async () => undefined,
  epoch: async () => undefined,
  adopt: async () => undefined,
  untouched: async () => false,
  mark: async () => 'nothing',
  keep: async () => 'refused',
  claim: async () => undefined,
  release: async () => {},
}

/** What a cache answers when Redis cannot be asked and `whenDown` is `fail`: everything else rejects. */
export const strictFallback = withoutRedis

/**
 * What a cache answers otherwise: reads miss, or are served by `spare`; invalidations are owed. A write is owed as an
 * invalidation, since Redis may hold an older value.
 */
export function cacheFallback(
  owe: (what: Partial<Invalidations>) => void,
  spare: CacheStore | undefined,
): Partial<CacheStore> {
  return {
    ...withoutRedis,
    async read(call, keys, tags) {
      const reading = await spare?.read(call, keys, tags)
      return {
        values: reading?.values ?? keys.map(() => null),
        tags: reading?.tags ?? tags.map(() => null),
        // Not a count of the server's: what is loaded now must not be stored there.
        seen: undefined,
      }
    },
    // It is a value of Redis that they are asked for: what `spare` says of its own tags says nothing of that.
    versions: async (_call, tags) => tags.map(() => null),
    async write(call, key, value, ttlMs, tags) {
      owe({ keys: new Set([key]) })
      await spare?.write(call, key, value, ttlMs, tags)
    },
    async remove(call, keys) {
      owe({ keys: new Set(keys) })
      await spare?.remove(call, keys)
    },
    async outdate(call, tags) {
      owe({ tags: new Set(tags) })
      await spare?.outdate(call, tags)
    },
    async forget(call) {
      owe({ all: true })
      await spare?.forget(call)
    },
    async sweep(call, at) {
      // Pages that were not removed yet must be.
      owe({ all: true })
      return (await spare?.sweep(call, at)) ?? { cursor: '0', removed: 0 }
    },
  }
}

/** What is left of a cache without Redis: every read is a miss, and there is nothing to list or to invalidate. */
export const storeOfNothing = {
  ...cacheFallback(() => {}, undefined),
  list: async () => ({ cursor: '0', keys: [] }),
  writeFenced: async () => true,
} as CacheStore
