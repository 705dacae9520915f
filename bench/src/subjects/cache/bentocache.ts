import { BentoCache, bentostore } from 'bentocache'
import { redisDriver } from 'bentocache/drivers/redis'
import { jsonSampleOf, keyCount, keyOf, load } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisFive } from '../ioredis-clients.ts'
import { workOf } from './work.ts'

/** BentoCache with its second layer alone, so that every read goes to Redis. */
export const bentocache: SubjectKind = {
  name: 'bentocache',
  clients: ioredisClients,
  async open({ url, client, case: name }) {
    const connection = openIoredisFive(url, client)
    const cache = new BentoCache({
      default: 'redis',
      ttl: '1h',
      stores: { redis: bentostore().useL2Layer(redisDriver({ connection })) },
    })
    const set = (i: number, value: unknown) => cache.set({ key: keyOf(i), value })
    for (let i = 0; i < keyCount; i++) await set(i, jsonSampleOf(name, i))
    const get = (i: number) => cache.get({ key: keyOf(i) })
    const getOrLoad = (i: number) => cache.getOrSet({ key: keyOf(i), factory: () => load(i) })
    return {
      run: workOf(name, { get, getOrLoad, set }, jsonSampleOf),
      close: () => cache.disconnectAll(),
    }
  },
}
