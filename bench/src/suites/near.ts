import { deepStrictEqual } from 'node:assert'
import { sampleOf } from '../dataset.ts'
import type { Suite } from '../subject.ts'
import { bentocacheTiered } from '../subjects/near/bentocache.ts'
import { cacheManagerTiered } from '../subjects/near/cache-manager.ts'
import { keyplanNear } from '../subjects/near/keyplan.ts'
import { lruCache } from '../subjects/near/lru-cache.ts'

/** Reads that all hit copies in the process, in front of Redis. */
export const near: Suite = {
  cases: ['get 100 B JSON', 'getOrLoad 100 B JSON'],
  subjects: [keyplanNear, bentocacheTiered, cacheManagerTiered, lruCache],
  inFlight: [1, 100],
  expect: (result, i, name) => deepStrictEqual(result, sampleOf(name, i)),
  refute({ hits }, operations) {
    return hits > operations / 1_000 ? `${hits} of ${operations} reads were answered by Redis` : undefined
  },
  refuteRemains: async () => undefined,
}
