import type { Clock } from '../../../base/clock.ts'
import { tooLate } from '../../../mechanisms/lease/requests.ts'
import type { LocalWake } from '../../../mechanisms/wake.ts'
import { tooMany } from '../ledger.ts'
import type { ConcurrencyStore, Holding } from './store.ts'

/** Keys of which permits are held at once. */
const mostKeys = 100_000

/** The permits of one process, by key and name, with when each of them ends. */
export function createMemoryConcurrencyStore(
  clock: Clock,
  leaseMs: number,
  limit: () => number,
  wake: LocalWake,
  channelOf: (key: string) => string,
): ConcurrencyStore {
  const keys = new Map<string, Map<string, number>>()

  function permitsOf(key: string): Map<string, number> {
    const permits = keys.get(key) ?? new Map<string, number>()
    for (const [id, until] of permits) if (until <= clock.now()) permits.delete(id)
    if (permits.size === 0) keys.delete(key)
    return permits
  }

  function standing(permits: ReadonlyMap<string, number>, granted: boolean): Holding {
    const ends = [...permits.values()].map(until => Math.ceil(until - clock.now()))
    return { granted, held: ends.length, firstEndsMs: Math.min(...ends, leaseMs), lastEndsMs: Math.max(0, ...ends) }
  }

  function hold(key: string, permits: Map<string, number>, id: string): void {
    if (!keys.has(key) && keys.size >= mostKeys) throw tooMany(keys.size)
    keys.set(key, permits.set(id, clock.now() + leaseMs))
  }

  function release(key: string, id: string): void {
    const permits = permitsOf(key)
    permits.delete(id)
    if (permits.size === 0) keys.delete(key)
    wake.notify(channelOf(key))
  }

  return {
    async acquire(call, key, { owner }) {
      if (clock.now() > call.expires) throw tooLate('permit')
      const permits = permitsOf(key)
      const granted = permits.has(owner) || permits.size < limit()
      if (granted) hold(key, permits, owner)
      return standing(permits, granted)
    },
    async renew(_, key, id) {
      const permits = permitsOf(key)
      const held = permits.has(id)
      if (held) hold(key, permits, id)
      return held
    },
    release: async (_, key, id) => release(key, id),
    async withdraw(_, key, { owner }) {
      release(key, owner)
      return 0
    },
    async peek(_, key) {
      const permits = permitsOf(key)
      return standing(permits, permits.size < limit())
    },
    async reset(_, key) {
      keys.delete(key)
      wake.notify(channelOf(key))
    },
  }
}
