import KeyvRedis from '@keyv/redis'
import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import { keyCount, keyOf, load, sampleOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'

const asJson = 'JSON in memory'

/** cache-manager over a map in memory and Keyv's Redis store, in that order. */
export const cacheManagerTiered: SubjectKind = {
  name: 'cache-manager',
  clients: [asJson, 'objects in memory'],
  async open({ url, client, case: name }) {
    const plain = { serialize: undefined, deserialize: undefined }
    const memory = new Keyv({ store: new Map(), ...(client === asJson ? {} : plain) })
    const redis = new Keyv({ store: new KeyvRedis(url, { throwOnErrors: true }), useKeyPrefix: false })
    const cache = createCache({ stores: [memory, redis], ttl: 3_600_000 })
    for (let i = 0; i < keyCount; i++) await cache.set(keyOf(i), sampleOf(name, i))
    const get = (i: number) => cache.get(keyOf(i))
    const getOrLoad = (i: number) => cache.wrap(keyOf(i), () => load(i))
    return {
      run: name.startsWith('getOrLoad') ? getOrLoad : get,
      async close() {
        await cache.disconnect()
      },
    }
  },
}
