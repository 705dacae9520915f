import type { Call } from '../../base/call.ts'
import type { Server } from '../kind.ts'
import type { CacheStore } from './store.ts'

/** A store in this process that stands in for Redis. What it holds for a server is forgotten when that answers again. */
export interface Spare {
  readonly store: CacheStore
  /** The given store; a step of it that succeeds ends what was kept for the server that it was done on. */
  relievedBy(store: CacheStore): CacheStore
  /** How often that has happened to the server of the key. What began before the last time is not to be kept. */
  reliefs(key: string): number
}

const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

/**
 * What was made up for while a server did not answer is older than what others may have written since it does; kept until
 * the next time it does not, it would be served then.
 *
 * On a cluster each node is a server. Values go by its name as well as by their key: where a key has moved to another
 * node, that one answers for it, and nothing that was kept before is served.
 */
export function createSpare(memory: CacheStore, lane: Server['lane']): Spare {
  const laneOf = lane ?? (() => '')
  const placeOf = (key: string) => `${laneOf(key)} ${key}`
  /** The servers for which something may be kept. */
  const missed = new Set<string>()
  const counts = new Map<string, number>()
  let cleared = 0

  async function relieve(server: string): Promise<void> {
    counts.set(server, (counts.get(server) ?? 0) + 1)
    if (!missed.delete(server)) return
    const { keys } = await memory.list(call, { cursor: '0' })
    const begin = `${server} `
    await memory.remove(
      call,
      keys.filter(key => key.startsWith(begin)),
    )
  }

  return {
    reliefs: key => cleared + (counts.get(laneOf(key)) ?? 0),
    store: {
      ...memory,
      read: (terms, keys, tags) => memory.read(terms, keys.map(placeOf), tags),
      async write(terms, key, ...what) {
        missed.add(laneOf(key))
        await memory.write(terms, placeOf(key), ...what)
      },
      remove: (terms, keys) => memory.remove(terms, keys.map(placeOf)),
    },
    relievedBy: store => ({
      ...store,
      // The keys of one read are all of one server.
      async read(terms, keys, tags) {
        const reading = await store.read(terms, keys, tags)
        await relieve(laneOf(keys[0]!))
        return reading
      },
      async write(terms, key, ...what) {
        await store.write(terms, key, ...what)
        await relieve(laneOf(key))
      },
      async writeFenced(terms, key, ...what) {
        const written = await store.writeFenced(terms, key, ...what)
        await relieve(laneOf(key))
        return written
      },
      async remove(terms, keys) {
        await store.remove(terms, keys)
        for (const server of new Set(keys.map(laneOf))) await relieve(server)
      },
      async outdate(terms, tags) {
        await store.outdate(terms, tags)
        for (const server of new Set(tags.map(laneOf))) await relieve(server)
        // The values that carry them may be those of others.
        if (missed.size > 0) await memory.outdate(call, tags)
      },
      async forget(terms) {
        await store.forget(terms)
        cleared++
        for (const server of [...missed]) await relieve(server)
      },
    }),
  }
}
