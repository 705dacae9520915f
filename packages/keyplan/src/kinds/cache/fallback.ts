import type { CacheStore } from './contract.ts'
import type { Invalidations } from './journal.ts'

/**
 * What a cache answers when Redis cannot be asked: reads miss, or are served by `spare`; invalidations are owed. A
 * write is owed as an invalidation, since Redis may hold an older value.
 */
export function cacheFallback(
  owe: (what: Partial<Invalidations>) => void,
  spare: CacheStore | undefined,
): Partial<CacheStore> {
  return {
    async read(call, keys, tags) {
      const reading = await spare?.read(call, keys, tags)
      return {
        values: reading?.values ?? keys.map(() => null),
        tags: reading?.tags ?? tags.map(() => null),
        // Not a count of the server's: what is loaded now must not be stored there.
        seen: undefined,
      }
    },
    async write(call, key, value, ttlMs, tags) {
      owe({ keys: new Set([key]) })
      await spare?.write(call, key, value, ttlMs, tags)
    },
    keep: async () => false,
    async remove(call, keys) {
      owe({ keys: new Set(keys) })
      await spare?.remove(call, keys)
    },
    track: async () => [],
    async outdate(call, tags) {
      owe({ tags: new Set(tags) })
      await spare?.outdate(call, tags)
    },
    async forget(call) {
      owe({ all: true })
      await spare?.forget(call)
    },
    sweep: async (call, cursor) => spare?.sweep(call, cursor) ?? { cursor: '0', removed: 0 },
  }
}
