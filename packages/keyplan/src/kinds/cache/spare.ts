import type { Call } from '../../base/call.ts'
import type { CacheStore } from './store.ts'

/** A store in this process that stands in for Redis, and forgets all when Redis answers again. */
export interface Spare {
  readonly store: CacheStore
  /** The given store, with the spare one emptied as soon as a step of it succeeds. */
  relievedBy(store: CacheStore): CacheStore
  /** How often a step of that has succeeded. What began before the last one is not to be kept. */
  readonly reliefs: () => number
}

const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

/**
 * What was made up for while Redis did not answer is older than what others may have written since it does; kept until
 * the next time it does not, it would be served then.
 */
export function createSpare(memory: CacheStore): Spare {
  let used = false
  let reliefs = 0
  async function empty(): Promise<void> {
    reliefs++
    if (!used) return
    used = false
    await memory.forget(call)
    await memory.sweep(call, { cursor: '0' })
  }
  const emptyingAfter =
    <Args extends unknown[], Result>(step: (...args: Args) => Promise<Result>) =>
    async (...args: Args): Promise<Result> => {
      const result = await step(...args)
      await empty()
      return result
    }

  return {
    reliefs: () => reliefs,
    store: {
      ...memory,
      async write(...args) {
        used = true
        await memory.write(...args)
      },
    },
    relievedBy: store => ({
      ...store,
      read: emptyingAfter(store.read),
      write: emptyingAfter(store.write),
      writeFenced: emptyingAfter(store.writeFenced),
      remove: emptyingAfter(store.remove),
      outdate: emptyingAfter(store.outdate),
      forget: emptyingAfter(store.forget),
    }),
  }
}
