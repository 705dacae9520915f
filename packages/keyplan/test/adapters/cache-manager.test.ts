import { createCache } from 'cache-manager'
import { Keyv } from 'keyv'
import { describe, expect, test } from 'vitest'
import { keyvStore } from '../../src/adapters/keyv.ts'
import { until } from '../live-server.ts'
import { overBoth } from './over-both.ts'

describe('cache-manager, through Keyv', () => {
  overBoth(consumer => {
    const opened = () => createCache({ stores: [new Keyv({ store: keyvStore(consumer.redis.texts) })] })

    test('wrap loads once, and what is set is there for another process', async () => {
      const [one, other] = [opened(), opened()]
      let loads = 0
      const load = async () => ++loads
      expect(await one.wrap('a', load, 60_000)).toBe(1)
      expect(await other.wrap('a', load, 60_000)).toBe(1)
      await one.mset([
        { key: 'b', value: { n: 2 } },
        { key: 'c', value: [3] },
      ])
      expect(await other.mget(['b', 'none', 'c'])).toEqual([{ n: 2 }, undefined, [3]])
      await other.del('b')
      await other.mdel(['c'])
      expect(await one.mget(['b', 'c'])).toEqual([undefined, undefined])
    })

    test('a ttl is kept, and clear clears', async () => {
      const cache = opened()
      await cache.set('brief', 1, 40)
      await cache.set('long', 2)
      await until(async () => (await cache.get('brief')) === undefined)
      expect(await cache.get('long')).toBe(2)
      await cache.clear()
      expect(await cache.get('long')).toBeUndefined()
    })
  })
})
