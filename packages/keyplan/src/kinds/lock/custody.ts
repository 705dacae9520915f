import type { Guarded } from '../../guard/guarded.ts'
import type { LeaseKind } from '../../mechanisms/lease/custody.ts'
import type { HeldLease } from '../../mechanisms/lease/held.ts'
import type { Surroundings } from '../kind.ts'
import type { IntervalStore } from './interval-store.ts'
import type { LockSettings } from './settings.ts'
import type { LockStore } from './store.ts'
import type { Trips } from './trips.ts'

export interface LockStores {
  /** Where locks are asked for. Its `acquire` may answer with a degraded one. */
  readonly main: Guarded<LockStore>
  /** Where a degraded lock lies: it is renewed and released there, also when Redis is back. */
  readonly local: Guarded<LockStore>
  /** Which intervals are done. Undefined where a lock may be held in one process alone, which proves nothing to others. */
  readonly intervals: Guarded<IntervalStore> | undefined
  /** What this process holds, by key. */
  readonly holding: Map<string, HeldLease>
}

/** What a lock is to its custody. */
export function lockCustody(
  { ttlMs, renew }: LockSettings,
  { main, local, holding }: LockStores,
  trips: Trips,
  { name, notify }: Pick<Surroundings, 'name' | 'notify'>,
): LeaseKind<{ key: string }> {
  let degraded = false

  return {
    noun: 'lock',
    ttlMs,
    renew,
    steps: {
      async acquire(options, { key, claim }) {
        const mine = holding.get(key)
        if (mine?.degraded) return { granted: false, remainingMs: mine.remaining() }
        return trips.acquire(options, { key, claim })
      },
      extend(options, { key, claim }, ttl, grant) {
        trips.flush()
        return (grant.degraded ? local : main).extend(options, key, claim, ttl)
      },
      release: (options, { key, claim }, grant) =>
        grant.degraded ? local.release(options, key, claim) : trips.release(options, { key, claim }),
      withdraw: (options, { key, claim }) => main.withdraw(options, key, claim),
    },
    objection({ key }, grant) {
      const rival = holding.get(key)
      // While the server was asked, another caller of this process fell back to it.
      if (rival?.degraded && !grant.degraded) return { granted: false, remainingMs: rival.remaining() }
      if (grant.degraded && !degraded) notify({ type: 'lock-degraded', namespace: name })
      degraded = grant.degraded
      return undefined
    },
    began: ({ key }, held) => void holding.set(key, held),
    ended({ key }, held) {
      if (holding.get(key) === held) holding.delete(key)
    },
  }
}
