import type { Call } from '../../base/call.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Outage, Redis } from '../../redis/redis.ts'
import type { CacheStore } from './contract.ts'
import { createJournal, type Invalidations } from './journal.ts'

/**
 * A cache must not lie: an invalidation that Redis did not take is owed, and until it is paid what it concerns reads as
 * a miss. Debts are paid before the first read on a new link, and in the background while there is one.
 */
export interface Debts {
  owe(what: Partial<Invalidations>): void
  /** A store that notes what was done, in case the server forgets it. */
  remembering(store: CacheStore): CacheStore
  concerns(key: string, tags: readonly string[]): boolean
  /** Pays on a link that is not yet open to others. */
  recover(redis: Pick<Redis, 'send' | 'evaluate'>, outage: Outage): Promise<void>
  close(): void
}

const batch = 500
const firstRetryMs = 100
const lastRetryMs = 2_000

export function createDebts(
  storeOn: (redis: Pick<Redis, 'send' | 'evaluate'>) => CacheStore,
  redis: Redis,
  clock: Clock,
): Debts {
  const journal = createJournal(clock)
  let timer: Timer | undefined
  let closed = false

  async function pay(store: CacheStore, call: () => Call): Promise<void> {
    const { due, paid } = journal.take()
    try {
      for (const keys of chunks(due.keys)) await store.remove(call(), keys)
      for (const tags of chunks(due.tags)) await store.outdate(call(), tags)
      if (due.all) {
        await store.forget(call())
        let cursor = '0'
        do cursor = (await store.sweep(call(), cursor)).cursor
        while (cursor !== '0')
      }
      paid()
    } catch (error) {
      journal.owe(due)
      paid()
      throw error
    }
  }

  /** For a debt made while there is a link: nothing else would call for it. */
  function schedule(delay: number): void {
    if (closed || timer) return
    timer = clock.after(delay, () => {
      timer = undefined
      if (!journal.owing) return
      const call = () => ({ expires: clock.now() + lastRetryMs, hold: false, written: false })
      pay(storeOn(redis), call).catch(() => schedule(Math.min(delay * 2, lastRetryMs)))
    })
  }

  return {
    owe(what) {
      journal.owe(what)
      schedule(firstRetryMs)
    },
    remembering: store => ({
      ...store,
      async write(call, key, value, ttlMs, tags) {
        await store.write(call, key, value, ttlMs, tags)
        journal.done({ keys: new Set([key]) })
      },
      async remove(call, keys) {
        await store.remove(call, keys)
        journal.done({ keys: new Set(keys) })
      },
      async outdate(call, tags) {
        await store.outdate(call, tags)
        journal.done({ tags: new Set(tags) })
      },
    }),
    concerns: (key, tags) => journal.owing && journal.concerns(key, tags),
    async recover(fresh, { restarted }) {
      if (restarted) journal.doubtRecent()
      const call = () => ({ expires: Number.POSITIVE_INFINITY, hold: false, written: false })
      while (journal.owing) await pay(storeOn(fresh), call)
    },
    close() {
      closed = true
      timer?.cancel()
    },
  }
}

function* chunks(names: ReadonlySet<string>): Generator<string[]> {
  const list = [...names]
  for (let from = 0; from < list.length; from += batch) yield list.slice(from, from + batch)
}
