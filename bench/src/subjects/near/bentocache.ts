import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import { redisDriver } from 'bentocache/drivers/redis'
import { keyCount, keyOf, load, sampleOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { openIoredisFive } from '../ioredis-clients.ts'

const asObjects = 'objects in memory'

/** BentoCache with both layers: by default the one in memory holds JSON, and gives each reader its own copy. */
export const bentocacheTiered: SubjectKind = {
  name: 'bentocache',
  clients: ['JSON in memory', asObjects],
  async open({ url, client, case: name }) {
    const connection = openIoredisFive(url, 'ioredis 5')
    const memory = memoryDriver({ maxItems: 2 * keyCount, serialize: client !== asObjects })
    const cache = new BentoCache({
      default: 'tiered',
      ttl: '1h',
      stores: { tiered: bentostore().useL1Layer(memory).useL2Layer(redisDriver({ connection })) },
    })
    for (let i = 0; i < keyCount; i++) await cache.set({ key: keyOf(i), value: sampleOf(name, i) })
    const get = (i: number) => cache.get({ key: keyOf(i) })
    const getOrLoad = (i: number) => cache.getOrSet({ key: keyOf(i), factory: () => load(i) })
    return {
      run: name.startsWith('getOrLoad') ? getOrLoad : get,
      close: () => cache.disconnectAll(),
    }
  },
}
