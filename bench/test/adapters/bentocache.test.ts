import { BentoCache, bentostore } from 'bentocache'
import { memoryDriver } from 'bentocache/drivers/memory'
import type { CreateDriverResult, L2CacheDriver } from 'bentocache/types'
import { describe, expect, test } from 'vitest'
import { bentoDriver } from '../../../packages/keyplan/src/adapters/bentocache.ts'
import { failingServer } from '../../../packages/keyplan/test/adapters/failing-server.ts'
import { overBoth } from '../../../packages/keyplan/test/adapters/over-both.ts'
import { until } from '../../../packages/keyplan/test/live-server.ts'

const setup = failingServer()

test.each(Object.entries(setup.faults))(
  'BentoCache on a server that is %s: the factory answers, and the first layer',
  async (_, fault) => {
    const { redis } = setup
    const layered = (namespace: typeof redis.texts | typeof redis.strict, l1: boolean) => {
      const store = bentostore().useL2Layer(bentoDriver(namespace as typeof redis.texts))
      const stores = { shared: l1 ? store.useL1Layer(memoryDriver()) : store }
      return new BentoCache({ default: 'shared', stores })
    }
    const [lenient, both, alone] = [
      layered(redis.texts, false),
      layered(redis.strict, true),
      layered(redis.strict, false),
    ]
    for (const cache of [lenient, both, alone]) await cache.set({ key: 'a', value: 1 })
    await fault()
    expect(await lenient.getOrSet({ key: 'a', factory: () => 2 })).toBe(2)
    expect(await both.get({ key: 'a' })).toBe(1)
    expect(await both.getOrSet({ key: 'b', factory: () => 3 })).toBe(3)
    await expect(alone.get({ key: 'a' })).rejects.toMatchObject({ code: 'E_L2_CACHE_ERROR' })
    await expect(lenient.clear()).rejects.toMatchObject({ code: 'E_L2_CACHE_ERROR' })
    await lenient.delete({ key: 'a' })
  },
)

describe('BentoCache', () => {
  overBoth(consumer => {
    /** As another process would have it: nothing is shared but the second layer. */
    function opened(prefix = 'bento') {
      const layer: CreateDriverResult<L2CacheDriver> = bentoDriver(consumer.redis.texts)
      const store = bentostore().useL1Layer(memoryDriver()).useL2Layer(layer)
      return new BentoCache({ default: 'shared', stores: { shared: store }, prefix })
    }
    const never = () => {
      throw new Error('the factory was called')
    }

    test('what one process sets or loads is there for the others, until it is deleted', async () => {
      const [one, other] = [opened(), opened()]
      await one.set({ key: 'a', value: { n: 1 } })
      expect(await one.getOrSet({ key: 'b', factory: () => 'loaded' })).toBe('loaded')
      expect(await other.get({ key: 'a' })).toEqual({ n: 1 })
      expect(await other.getOrSet({ key: 'b', factory: never })).toBe('loaded')
      expect(await consumer.redis.texts({ key: 'bento:a' }).has()).toBe(true)
      await one.delete({ key: 'a' })
      expect(await opened().get({ key: 'a' })).toBeUndefined()
      await one.deleteMany({ keys: ['b', 'none'] })
      expect(await opened().has({ key: 'b' })).toBe(false)
    })

    test('a value has the time it was given, with its grace period', async () => {
      await opened().set({ key: 'brief', value: 1, ttl: 40, grace: false })
      await until(async () => !(await opened().has({ key: 'brief' })))
      await opened().set({ key: 'a', value: 1, ttl: '10s', grace: '1m' })
      await opened().setForever({ key: 'forever', value: 1 })
      if (!consumer.server) return
      const lasts = async (key: string) =>
        Number(await consumer.server!.ask('PTTL', consumer.redis.texts.key({ key: `bento:${key}` })))
      expect(await lasts('a')).toBeGreaterThan(30_000)
      expect(await lasts('a')).toBeLessThanOrEqual(70_000)
      expect(await lasts('forever')).toBeGreaterThan(3_500_000)
    })

    test('a tag that one process deletes outdates what others stored under it', async () => {
      const one = opened()
      await one.set({ key: 'a', value: 1, tags: ['user:1', 'all'] })
      await one.set({ key: 'b', value: 2, tags: ['all'] })
      const stored = Date.now()
      // BentoCache compares by milliseconds.
      await until(() => Date.now() > stored)
      await opened().deleteByTag({ tags: ['user:1'] })
      expect(await opened().get({ key: 'a' })).toBeUndefined()
      expect(await opened().get({ key: 'b' })).toBe(2)
      expect(await opened().getOrSet({ key: 'a', factory: () => 3, tags: ['user:1'] })).toBe(3)
      expect(await opened().getOrSet({ key: 'b', factory: never })).toBe(2)
    })

    test('clear takes what is below its prefix, and nothing beside it', async () => {
      const users = opened().namespace('users')
      const posts = users.namespace('posts')
      await users.set({ key: 'abc', value: 1 })
      await posts.set({ key: 'p', value: 2 })
      await opened().set({ key: 'usersAbc', value: 3 })
      await opened('other').set({ key: 'x', value: 4 })
      await consumer.redis.texts({ key: 'own' }).set('kept')
      await opened().namespace('users').clear()
      const fresh = opened()
      expect(await fresh.namespace('users').get({ key: 'abc' })).toBeUndefined()
      expect(await fresh.namespace('users').namespace('posts').get({ key: 'p' })).toBeUndefined()
      expect(await fresh.get({ key: 'usersAbc' })).toBe(3)
      await fresh.clear()
      expect(await opened().get({ key: 'usersAbc' })).toBeUndefined()
      expect(await opened('other').get({ key: 'x' })).toBe(4)
      expect(await consumer.redis.texts({ key: 'own' }).get()).toBe('kept')
    })

    test('the driver answers as its contract says', async () => {
      const driver = bentoDriver(consumer.redis.texts).factory({ prefix: 'raw:' })
      expect(await driver.set('a', 'text')).toBe(true)
      expect(await driver.pull('a')).toBe('text')
      expect(await driver.pull('a')).toBeUndefined()
      await driver.set('a', 'text', 60_000)
      expect([await driver.delete('a'), await driver.delete('a')]).toEqual([true, false])
      expect(await driver.deleteMany([])).toBe(true)
      await driver.disconnect()
      expect(await driver.namespace('in').set('b', 'x')).toBe(true)
      expect(await driver.get('in:b')).toBe('x')
      await driver.clear()
      expect(await driver.get('in:b')).toBeUndefined()
    })
  })
})
