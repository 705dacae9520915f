import { expect, test } from 'vitest'
import { bentoDriver } from '../../src/adapters/bentocache.ts'
import { keyvStore } from '../../src/adapters/keyv.ts'
import { nextCacheHandler, nextUseCacheHandler } from '../../src/adapters/next.ts'
import { undiciStore } from '../../src/adapters/undici.ts'
import { unstorageDriver } from '../../src/adapters/unstorage.ts'
import { overBoth } from './over-both.ts'

const listing = { keyvStore, bentoDriver, unstorageDriver }
const adapters = { ...listing, undiciStore, nextCacheHandler, nextUseCacheHandler }

/** For whom no compiler has looked. */
type Unchecked = (namespace: unknown) => unknown

overBoth(consumer => {
  test.each(Object.entries(adapters))('%s refuses what is no cache with one param', (name, adapter) => {
    const { pair, lone } = consumer.redis
    for (const nothing of [undefined, {}, () => {}, 'http']) {
      const message = `${name}() was given`
      expect(() => (adapter as Unchecked)(nothing)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
      expect(() => (adapter as Unchecked)(nothing)).toThrow(message)
    }
    expect(() => (adapter as Unchecked)(pair)).toThrow(
      `${name}() needs a cache with one param and 'pair:<a>:<b>' has 2`,
    )
    expect(() => (adapter as Unchecked)(lone)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }))
  })

  test.each(Object.entries(listing))('%s refuses keys that are hashed, which nobody can list', (name, adapter) => {
    expect(() => (adapter as Unchecked)(consumer.redis.hidden)).toThrow(`${name}() lists keys and 'hidden:<key>'`)
    expect(() => consumer.redis.hidden.keys()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }))
  })

  test('a param that is no rest serves as well', async () => {
    const store = keyvStore(consumer.redis.one)
    await store.set('a:b', 'x')
    expect(await store.get('a:b')).toBe('x')
    expect(await consumer.redis.one({ key: 'a:b' }).get()).toBe('x')
  })
})

test('the compiler refuses patterns of no or two params, and values of another type', () => {
  const nobody = (_use: (redis: Parameters<Parameters<typeof overBoth>[0]>[0]['redis']) => unknown) => {}
  nobody(redis => keyvStore(redis.texts))
  nobody(redis => undiciStore(redis.bytes))
  // @ts-expect-error two params
  nobody(redis => keyvStore(redis.pair))
  // @ts-expect-error no params
  nobody(redis => keyvStore(redis.lone))
  // @ts-expect-error bytes in place of text
  nobody(redis => keyvStore(redis.bytes))
  // @ts-expect-error text in place of bytes
  nobody(redis => undiciStore(redis.texts))
})
