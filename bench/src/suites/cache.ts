import { deepStrictEqual } from 'node:assert'
import { jsonSampleOf, sampleOf } from '../dataset.ts'
import type { Suite } from '../subject.ts'
import { bentocache } from '../subjects/cache/bentocache.ts'
import { cacheManager } from '../subjects/cache/cache-manager.ts'
import { ioredis, ioredisAuto } from '../subjects/cache/ioredis.ts'
import { keyplan } from '../subjects/cache/keyplan.ts'

/** Reads that all hit, from Redis and nowhere else; and writes that are read. */
export const cache: Suite = {
  cases: [
    'get 100 B JSON',
    'getOrLoad 100 B JSON',
    'get 10 kB JSON',
    'get short text',
    'get embedding',
    'set+get embedding',
  ],
  subjects: [keyplan, ioredis, ioredisAuto, bentocache, cacheManager],
  inFlight: [1, 10, 100, 1000],
  expect: (result, i, name) =>
    deepStrictEqual(result, result instanceof Float32Array ? sampleOf(name, i) : jsonSampleOf(name, i)),
  refute({ hits }, operations) {
    return hits < operations ? `${operations} reads were answered by ${hits} keys found` : undefined
  },
  refuteRemains: async () => undefined,
}
