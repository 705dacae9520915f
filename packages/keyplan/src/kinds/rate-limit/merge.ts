import type { Clock } from '../../base/clock.ts'
import type { Outage, Redis } from '../../redis/redis.ts'
import { algorithms } from './algorithms.ts'
import type { RateLimitPolicy } from './policy.ts'
import { createRedisRateLimitStore } from './redis.ts'
import type { Part, RateLimitStore, Request } from './store.ts'

/** What this process has allowed by itself during an outage: Redis is told of it, so that a window is not used twice. */
export interface Merge {
  /** A part was counted here, by what this process may allow of its policy: only by that its entry can be read. */
  note(part: Part, share: RateLimitPolicy): void
  readonly owes: boolean
  /** Tells a server that is back, before others ask it. Never rejects. */
  recover(redis: Pick<Redis, 'send' | 'evaluate' | 'slot'>, outage: Outage): Promise<void>
  /** Tells all of it by the way of the calls, once one of them was answered by Redis. */
  settle(consume: (requests: readonly Request[]) => Promise<unknown>): void
}

const batch = 32

/** Parts that are kept before those that no longer count are looked for. */
const firstSweep = 10_000

/** How long the link of a server that is back may be kept from others. */
const patienceMs = 500

/**
 * A merge is a penalty of what still counts. If it fails it is counted here again, also when it may have been done: then
 * units are counted twice, which denies too much rather than allow it.
 */
export function createMerge(clock: Clock, fallback: Pick<RateLimitStore, 'consume'>): Merge {
  const owed = new Map<string, { readonly part: Part; readonly share: RateLimitPolicy }>()
  let isSettling = false
  let sweepAt = firstSweep

  /** Takes what is owed out of the books. */
  function* batches(concerns: (key: string) => boolean): Generator<Request[]> {
    const now = Math.floor(clock.now())
    let requests: Request[] = []
    for (const [key, { part, share }] of owed) {
      if (!concerns(key)) continue
      owed.delete(key)
      const { ledger } = part.home
      const how = algorithms[share.algorithm]
      const entry = ledger.get(key, now)
      const cost = entry ? how.taken(how.look(entry, now, share, 1), share) : 0
      ledger.forget(key)
      if (cost > 0) requests.push({ ...part, cost, more: undefined, forced: true })
      if (requests.length < batch) continue
      yield requests
      requests = []
    }
    if (requests.length > 0) yield requests
  }

  return {
    note(part, share) {
      owed.set(part.key, { part, share })
      if (owed.size < sweepAt) return
      // What the ledger has let go of is over.
      for (const [key, { part }] of owed) if (!part.home.ledger.has(key)) owed.delete(key)
      sweepAt = Math.max(firstSweep, 2 * owed.size)
    },
    get owes() {
      return owed.size > 0
    },
    async recover(redis, outage) {
      const store = createRedisRateLimitStore(redis)
      for (const requests of batches(outage.concerns)) {
        const call = { expires: clock.now() + patienceMs, hold: false, written: 0 }
        await store.consume(call, requests).catch(() => fallback.consume(call, requests))
      }
    },
    settle(consume) {
      if (isSettling) return
      isSettling = true
      const all = async () => {
        for (const requests of batches(() => true)) await consume(requests)
      }
      all()
        .catch(() => {})
        .finally(() => {
          isSettling = false
        })
    },
  }
}
