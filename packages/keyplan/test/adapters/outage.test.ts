import { Keyv } from 'keyv'
import { expect, test } from 'vitest'
import { keyvStore } from '../../src/adapters/keyv.ts'
import { nextCacheHandler } from '../../src/adapters/next.ts'
import { undiciStore } from '../../src/adapters/undici.ts'
import { unstorageDriver } from '../../src/adapters/unstorage.ts'
import { isUnavailable } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { failingServer } from './failing-server.ts'

const setup = failingServer()

test.each(Object.entries(setup.faults))(
  'Keyv on a server that is %s: misses and false, or the error of `fail`',
  async (_, fault) => {
    const { redis } = setup
    const lenient = new Keyv({ store: keyvStore(redis.texts), throwOnErrors: true })
    const strict = new Keyv({ store: keyvStore(redis.strict), throwOnErrors: true })
    const told: unknown[] = []
    for (const keyv of [lenient, strict]) {
      keyv.on('error', error => told.push(error))
      await keyv.set('a', 1)
    }
    await fault()
    expect(await lenient.get('a')).toBeUndefined()
    expect(await lenient.getMany(['a', 'b'])).toEqual([undefined, undefined])
    expect(await lenient.has('a')).toBe(false)
    expect(await lenient.set('b', 2)).toBe(false)
    expect(await lenient.deleteMany(['a'])).toBe(false)
    // Which keys there are, only the server can say.
    await expect(lenient.clear()).rejects.toSatisfy(isUnavailable)
    for (const work of [
      () => strict.get('a'),
      () => strict.set('a', 2),
      () => strict.delete('a'),
      () => strict.clear(),
    ]) {
      await expect(work()).rejects.toSatisfy(isUnavailable)
    }
    expect(told.every(isUnavailable)).toBe(true)
    await setup.mend()
    // What was owed is carried out before this process reads from Redis again.
    await until(async () => (await lenient.set('c', 3)) && (await lenient.get('c')) === 3)
    expect(await lenient.get('a')).toBeUndefined()
  },
)

test('the others read a miss as well', async () => {
  const { redis } = setup
  await setup.faults.killed()
  const storage = unstorageDriver(redis.bytes)
  expect(await storage.getItem('a')).toBeNull()
  await storage.setItem('a', 'x')
  await expect(storage.getKeys()).rejects.toSatisfy(isUnavailable)
  const store = undiciStore(redis.bytes)
  const key = { origin: 'http://localhost', path: '/', method: 'GET' }
  expect(await store.get(key)).toBeUndefined()
  await store.delete(key)
  const Handler = nextCacheHandler(redis.bytes)
  const handler = new Handler()
  expect(await handler.get('a', { kind: 'FETCH', tags: ['t'], softTags: [] })).toBeNull()
  await handler.set('a', { kind: 'FETCH' }, { tags: ['t'] })
  await handler.revalidateTag('t')
})

test('with `fail` undici is told of it, and what it does not wait for ends no process', async () => {
  const store = undiciStore(setup.redis.strictBytes)
  const key = { origin: 'http://localhost', path: '/', method: 'GET' }
  await setup.faults.killed()
  // An unhandled rejection would fail this run.
  void store.delete(key)
  await expect(store.get(key)).rejects.toSatisfy(isUnavailable)
  const value = {
    statusCode: 200,
    statusMessage: 'OK',
    headers: {},
    cachedAt: 0,
    staleAt: 0,
    deleteAt: Date.now() + 60_000,
  }
  const failure = new Promise(resolve => store.createWriteStream(key, value).on('error', resolve).end('body'))
  expect(await failure).toSatisfy(isUnavailable)
  await expect(store.delete(key)).rejects.toSatisfy(isUnavailable)
})
