import { keyMark } from '../../base/key-mark.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { LeaseKind } from '../../mechanisms/lease/custody.ts'
import type { HeldLease } from '../../mechanisms/lease/held.ts'
import type { Request, Wanted } from '../../mechanisms/lease/steps.ts'
import type { Surroundings } from '../kind.ts'
import type { IntervalStore } from './interval-store.ts'
import type { LockSettings } from './settings.ts'
import type { LockStore } from './store.ts'
import type { Trips } from './trips.ts'

/** What this process holds: by key; of a shared lock, by key, a space and the owner. */
type Holding = Map<string, HeldLease>

/** Whether what lies at this place of a `Holding` is a lock of this key. */
export const isOf = (place: string, key: string): boolean => place === key || place.startsWith(`${key} `)

export interface LockStores {
  /** Where locks are asked for. Its `acquire` may answer with a degraded one. */
  readonly main: Guarded<LockStore>
  /** Where a degraded lock lies: it is renewed and released there, also when Redis is back. */
  readonly local: Guarded<LockStore>
  /** Which intervals are done. Undefined where a lock may be held in one process alone, which proves nothing to others. */
  readonly intervals: Guarded<IntervalStore> | undefined
  readonly holding: Holding
  /** Many may hold it at once. */
  readonly shared?: boolean
}

/** What a lock is to its custody. */
export function lockCustody(
  { ttlMs, renew, confirm }: LockSettings,
  { main, local, holding, shared }: LockStores,
  trips: Trips,
  { name, notify }: Pick<Surroundings, 'name' | 'notify'>,
): LeaseKind<Wanted> {
  let degraded = false
  const placeOf = ({ key, claim }: Request<Wanted>) => (shared ? `${key} ${claim.owner}` : key)

  return {
    noun: 'lock',
    ttlMs,
    renew,
    steps: {
      acquire(options, request) {
        const mine = holding.get(request.key)
        if (mine?.degraded) return Promise.resolve({ granted: false, remainingMs: mine.remaining() })
        return trips.acquire(options, request)
      },
      confirm:
        confirm &&
        (async ({ key, claim }) => {
          const confirmed = await main.confirm(undefined, key, claim, ttlMs, confirm)
          if (!confirmed) notify({ type: 'lock-unconfirmed', namespace: name, mark: keyMark(key) })
          return confirmed
        }),
      extend(options, { key, claim }, ttl, grant) {
        trips.flush()
        return (grant.degraded ? local : main).extend(options, key, claim, ttl)
      },
      release: (options, { key, claim }, grant) =>
        grant.degraded ? local.release(options, key, claim) : trips.release(options, { key, claim }),
      withdraw: (options, { key, claim }) => main.withdraw(options, key, claim),
      leave(options, key) {
        trips.flush()
        return main.leave(options, key)
      },
    },
    objection({ key }, grant) {
      const rival = holding.get(key)
      // While the server was asked, another caller of this process fell back to it.
      if (rival?.degraded && !grant.degraded) return { granted: false, remainingMs: rival.remaining() }
      if (grant.degraded && !degraded) notify({ type: 'lock-degraded', namespace: name })
      degraded = grant.degraded
      return undefined
    },
    began: (request, held) => void holding.set(placeOf(request), held),
    ended(request, held) {
      const place = placeOf(request)
      if (holding.get(place) === held) holding.delete(place)
    },
  }
}
