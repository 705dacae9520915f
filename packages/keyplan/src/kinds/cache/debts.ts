import type { Call } from '../../base/call.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import { errorTable, isKeyplanError } from '../../base/error.ts'
import type { Outage } from '../../redis/redis.ts'
import type { Server } from '../kind.ts'
import { createJournal, type Invalidations } from './journal.ts'
import { payAll, type Remainder } from './payment.ts'
import type { CacheServer } from './redis.ts'
import type { CacheStore } from './store.ts'

/**
 * A cache must not lie: an invalidation that Redis did not take is owed, and until it is paid what it concerns reads as
 * a miss. Debts are paid before the first read on a new link, and in the background while there is one.
 */
export interface Debts {
  owe(what: Partial<Invalidations>): void
  /** A store that notes what was done, in case the server forgets it. */
  remembering(store: CacheStore): CacheStore
  /** Whether something is owed that concerns the key or one of the tags. */
  concerns(key: string | undefined, tags: readonly string[]): boolean
  /** Pays on a link that is not yet open to others. Rejects only if that link is lost. */
  recover(redis: CacheServer, outage: Outage): Promise<void>
  /** Pays what can be paid now, and stops. */
  close(): Promise<void>
}

const firstRetryMs = 100
const lastRetryMs = 2_000

export function createDebts(
  storeOn: (redis: CacheServer) => CacheStore,
  redis: CacheServer,
  lane: Server['lane'],
  clock: Clock,
): Debts {
  const journal = createJournal(clock)
  let timer: Timer | undefined
  let closed = false
  /** One payment at a time: the end of one must not hide that another is under way. */
  let last: Promise<unknown> = Promise.resolve()

  function pay(on: CacheServer, patience: number, whole = true): Promise<Remainder | undefined> {
    const call = (): Call => ({ expires: clock.now() + patience, hold: false, written: 0 })
    const payment = last.then(async () => {
      if (!journal.owing) return undefined
      const { due, settle } = journal.take()
      const remainder = await payAll({ store: storeOn(on), due, call, lane, whole })
      // Reads that were answered before the payment may still be on their way up to who asked: they are misses yet.
      await new Promise<void>(resolve => setImmediate(resolve))
      settle(remainder?.unpaid ?? {})
      return remainder
    })
    last = payment
    return payment
  }

  /** For a debt made while there is a link: nothing else would call for it. */
  function schedule(delay: number): void {
    if (closed || timer) return
    timer = clock.after(delay, async () => {
      timer = undefined
      if (await pay(redis, lastRetryMs)) schedule(Math.min(delay * 2, lastRetryMs))
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
      async writeFenced(call, key, value, ttlMs, tags, fence) {
        const written = await store.writeFenced(call, key, value, ttlMs, tags, fence)
        if (written) journal.done({ keys: new Set([key]) })
        return written
      },
      async remove(call, keys) {
        await store.remove(call, keys)
        journal.done({ keys: new Set(keys) })
      },
      async outdate(call, tags) {
        await store.outdate(call, tags)
        journal.done({ tags: new Set(tags) })
      },
      async forget(call) {
        await store.forget(call)
        journal.done({ all: true })
      },
    }),
    concerns: (key, tags) => journal.owing && journal.concerns(key, tags),
    async recover(fresh, { restarted }) {
      if (restarted) journal.doubtRecent()
      // One node of a cluster pays what is owed to it, and the background the rest.
      const remainder = await pay(fresh, Number.POSITIVE_INFINITY, lane === undefined)
      if (!remainder) return
      // A server that refuses a write still serves reads: what it refused stays owed, and a miss.
      if (isLost(remainder.error)) throw remainder.error
      schedule(firstRetryMs)
    },
    async close() {
      closed = true
      timer?.cancel()
      await pay(redis, lastRetryMs)
    },
  }
}

function isLost(error: unknown): boolean {
  return !isKeyplanError(error) || errorTable[error.code].class === 'link'
}
