import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Decision, RateLimitStore } from './contract.ts'
import { takeFromFixedWindow } from './fixed-window.ts'
import type { RateLimitPolicy } from './policy.ts'
import { takeFromSlidingWindow } from './sliding-window.ts'
import type { Taking } from './taking.ts'
import { takeFromTokenBucket } from './token-bucket.ts'

/** How many of the entries that were written longest ago are looked at for one that has expired. */
const lookedAt = 16

/** A full store looks through all its entries at most this often. */
const sweepMs = 1_000

/**
 * The limits of one process. When `maxEntries` keys are counted, a new one takes the place of those that have expired;
 * where none has, it is refused: to forget one would allow what it has denied.
 */
export function createMemoryRateLimitStore(
  clock: Clock,
  { algorithm }: Pick<RateLimitPolicy, 'algorithm'>,
  maxEntries = 100_000,
): RateLimitStore {
  if (algorithm === 'sliding-window') return createStore(takeFromSlidingWindow, clock, maxEntries)
  if (algorithm === 'token-bucket') return createStore(takeFromTokenBucket, clock, maxEntries)
  return createStore(takeFromFixedWindow, clock, maxEntries)
}

type Take<Entry extends { readonly until: number }> = (
  entry: Entry | undefined,
  cost: number,
  now: number,
  policy: RateLimitPolicy,
) => Taking<Entry>

function createStore<Entry extends { readonly until: number }>(
  take: Take<Entry>,
  clock: Clock,
  maxEntries: number,
): RateLimitStore {
  /** In the order of writing. */
  const entries = new Map<string, Entry>()
  let sweptAt = Number.NEGATIVE_INFINITY

  function dropExpired(now: number, most: number): void {
    let looks = 0
    for (const [key, { until }] of entries) {
      if (until <= now) entries.delete(key)
      if (++looks === most) return
    }
  }

  /** Whether there is room for one more. */
  function hasRoom(now: number): boolean {
    if (entries.size >= maxEntries) dropExpired(now, lookedAt)
    if (entries.size >= maxEntries && now - sweptAt >= sweepMs) {
      sweptAt = now
      dropExpired(now, maxEntries)
    }
    return entries.size < maxEntries
  }

  function decide(key: string, cost: number, policy: RateLimitPolicy): Decision {
    const now = Math.floor(clock.now())
    const found = entries.get(key)
    const { result, entry } = take(found && found.until > now ? found : undefined, cost, now, policy)
    if (entry) {
      if (!entries.delete(key) && !hasRoom(now)) {
        const many = `This process already counts ${entries.size} limits in memory`
        return new KeyplanError('OVERLOADED', many, { outcome: 'not-executed' })
      }
      entries.set(key, entry)
    }
    return result
  }

  return {
    consume: async (_, keys, costs, policy) => keys.map((key, index) => decide(key, costs[index] ?? 1, policy)),
    peek: async (_, keys, policy) => keys.map(key => decide(key, 0, policy)),
    async reset(_, key) {
      entries.delete(key)
    },
  }
}
