import { createStorage, type Driver, prefixStorage } from 'unstorage'
import { describe, expect, test } from 'vitest'
import { unstorageDriver } from '../../../packages/keyplan/src/adapters/unstorage.ts'
import { overBoth } from '../../../packages/keyplan/test/adapters/over-both.ts'
import { until } from '../../../packages/keyplan/test/live-server.ts'

describe('unstorage', () => {
  overBoth(consumer => {
    const opened = () => {
      const driver: Driver = unstorageDriver(consumer.redis.bytes)
      return createStorage({ driver })
    }

    test('items are set, read, told and removed', async () => {
      const storage = opened()
      expect(await storage.getItem('a')).toBeNull()
      await storage.setItem('a', { n: 1, s: 'ü' })
      await storage.setItem('b:c', 'text')
      await storage.setItem('none', null)
      expect(await storage.getItem('a')).toEqual({ n: 1, s: 'ü' })
      expect(await opened().getItem('b:c')).toBe('text')
      expect(await storage.getItem('none')).toBeNull()
      expect([await storage.hasItem('a'), await storage.hasItem('z')]).toEqual([true, false])
      const items = await storage.getItems(['a', 'z', 'b:c'])
      expect(items.map(({ value }) => value)).toEqual([{ n: 1, s: 'ü' }, null, 'text'])
      await storage.removeItem('a')
      expect(await storage.hasItem('a')).toBe(false)
    })

    test('bytes come back as they were', async () => {
      const storage = opened()
      const every = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      await storage.setItemRaw('every', every)
      expect([...(await storage.getItemRaw<Uint8Array>('every'))!]).toEqual([...every])
      await storage.setItemRaw('buffer', every.buffer)
      expect((await storage.getItemRaw<Uint8Array>('buffer'))!.length).toBe(256)
      await storage.setItemRaw('words', new Uint16Array([1, 2]).subarray(1))
      expect([...(await storage.getItemRaw<Uint8Array>('words'))!]).toEqual([2, 0])
      await storage.setItemRaw('text', 'ü')
      expect(await storage.getItem('text')).toBe('ü')
      expect(await storage.getItemRaw('none')).toBeNull()
      await expect(storage.setItemRaw('object', { n: 1 })).rejects.toMatchObject({ code: 'VALUE_INVALID' })
    })

    test('keys and clear keep to their base', async () => {
      const storage = opened()
      const keys = ['users:1', 'users:2:name', 'usersAbc', 'other']
      for (const key of keys) await storage.setItem(key, key)
      await storage.setMeta('other', { owner: 'me' })
      expect((await storage.getKeys()).sort()).toEqual([...keys].sort())
      expect((await storage.getKeys('users')).sort()).toEqual(['users:1', 'users:2:name'])
      expect(await prefixStorage(storage, 'users').getKeys()).toContain('2:name')
      expect(await storage.getMeta('other')).toMatchObject({ owner: 'me' })
      // unstorage itself asks a driver only for all of what is mounted.
      await unstorageDriver(consumer.redis.bytes).clear('users')
      expect((await storage.getKeys()).sort()).toEqual(['other', 'usersAbc'])
      await storage.clear()
      expect(await storage.getKeys()).toEqual([])
    })

    test('mounted below a base it is asked for what is below that', async () => {
      const storage = createStorage()
      storage.mount('cache', unstorageDriver(consumer.redis.bytes))
      await storage.setItem('cache:a', 1)
      await storage.setItem('local', 2)
      expect(await consumer.redis.bytes({ key: 'a' }).has()).toBe(true)
      expect((await storage.getKeys('cache')).sort()).toEqual(['cache:a'])
      await storage.clear('cache')
      expect([await storage.getItem('cache:a'), await storage.getItem('local')]).toEqual([null, 2])
      await storage.dispose()
      expect(await consumer.redis.bytes({ key: 'a' }).has()).toBe(false)
    })

    test('a ttl is in seconds', async () => {
      const storage = opened()
      await storage.setItem('brief', 1, { ttl: 0.04 })
      await until(async () => !(await storage.hasItem('brief')))
      await storage.setItem('own', 1, { ttl: 90 })
      if (!consumer.server) return
      const lasts = Number(await consumer.server.ask('PTTL', consumer.redis.bytes.key({ key: 'own' })))
      expect(lasts).toBeGreaterThan(60_000)
      expect(lasts).toBeLessThanOrEqual(90_000)
    })
  })
})
