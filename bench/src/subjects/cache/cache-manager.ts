import KeyvRedis from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import { jsonSampleOf, keyCount, keyOf, load } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { workOf } from './work.ts'

const defaultJson = 'node-redis'
const nativeJson = 'node-redis, JSON.parse'

/**
 * cache-manager over Keyv's Redis store alone. Keyv's own JSON looks at every field for binary values; giving it
 * the plain functions is the faster option it offers.
 */
export const cacheManager: SubjectKind = {
  name: 'cache-manager',
  clients: [defaultJson, nativeJson],
  async open({ url, client, case: name }) {
    const store = new KeyvRedis(url, { throwOnErrors: true })
    const json = { serialize: JSON.stringify, deserialize: JSON.parse }
    const cache = createCache({
      stores: [new Keyv({ store, useKeyPrefix: false, ...(client === nativeJson ? json : {}) })],
      ttl: 3_600_000,
    })
    const set = (i: number, value: unknown) => cache.set(keyOf(i), value)
    for (let i = 0; i < keyCount; i++) await set(i, jsonSampleOf(name, i))
    const get = (i: number) => cache.get(keyOf(i))
    const getOrLoad = (i: number) => cache.wrap(keyOf(i), () => load(i))
    return {
      run: workOf(name, { get, getOrLoad, set }, jsonSampleOf),
      async close() {
        await cache.disconnect()
      },
    }
  },
}
