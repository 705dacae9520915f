import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { compressed } from '../../src/base/codec/compressed.ts'
import { json } from '../../src/base/codec/json.ts'
import type { LoadContext } from '../../src/kinds/cache/contract.ts'
import { type Cache, cacheConformance, type Options, tagged } from '../conformance/cache.ts'
import { deferred } from '../conformance/deferred.ts'
import { openClient, type RedisCacheClient, redisHarness } from './cache-redis-harness.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

cacheConformance('Redis', () => redisHarness(server.port))

const count = '{value:<id>}:~count'
const traces = '{value:<id>}:~gone'
/** A loader that names a tag where it may. */
function naming(load: LoadContext<unknown>, ttl?: '30d'): string {
  try {
    load.addTags('named')
  } catch {}
  if (ttl) load.setTtl(ttl)
  return 'loaded'
}
const sorted = (keys: unknown) => (keys as string[]).sort()

describe('on the server', () => {
  let harness: Awaited<ReturnType<typeof redisHarness>>
  let ask: typeof harness.ask
  const clients: RedisCacheClient[] = []
  beforeEach(async () => {
    harness = await redisHarness(server.port)
    ask = harness.ask
  })
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close()
    await ask('CONFIG', 'SET', 'maxmemory', '0')
    await harness.close()
  })
  async function opened(options?: Partial<Options>, url?: string): Promise<RedisCacheClient> {
    const client = await openClient(server.port, options, url ? { url } : {})
    clients.push(client)
    return client
  }

  const later = { ttl: '30d' } as const
  test.each<[string, (cache: Cache, id: string) => Promise<unknown>]>([
    ['a load', (cache, id) => cache({ id }).getOrLoad(naming)],
    ['a load for a time of its own', (cache, id) => cache({ id }).getOrLoad(load => naming(load, '30d'))],
    ['a write', (cache, id) => cache({ id }).set('set')],
    ['a write for a time of its own', (cache, id) => cache({ id }).set('set', later)],
    ['a write with a fence', (cache, id) => cache({ id }).set('set', { ...later, fence: 1n })],
  ])('a tag outlives the values that carry it, however long ago it began: %s', async (_way, store) => {
    for (const loaderTags of [true, false]) {
      const { cache } = await opened({ tags: () => ['t'], loaderTags, ttl: '1m', staleIfError: '7d' })
      const lifetimes = async (pattern: string) => {
        const keys = (await ask('KEYS', pattern)) as string[]
        const answers = await Promise.all(keys.map(key => ask('PTTL', key)))
        return answers.map(Number)
      }
      for (const id of ['a', 'b', 'c']) {
        await store(cache, id)
        const [value] = await lifetimes(`value:${id}`)
        for (const tag of await lifetimes('*:~tag:*')) expect(tag).toBeGreaterThan(value!)
        for (const tag of (await ask('KEYS', '*:~tag:*')) as string[]) await ask('PEXPIRE', tag, '5000')
      }
      await ask('FLUSHALL')
    }
  })

  test('what became of its reads and loads is counted', async () => {
    const { cache, figures } = await opened({ ttl: '1h', negativeTtl: '1h', staleIfError: '1h' })
    const failing = () => Promise.reject(new Error('mine'))
    const load = vi.fn(async () => 'ü')
    for (let read = 0; read < 3; read++) await cache({ id: 'a' }).getOrLoad(load)
    expect(figures().hits).toBe(2)
    await cache({ id: 'b' }).getOrLoad(() => undefined)
    await cache({ id: 'b' }).get()
    await cache({ id: 'c' })
      .getOrLoad(failing)
      .catch(() => {})
    await cache({ id: 'd' }).set('old', { ttl: '1ms' })
    await vi.waitUntil(async () => (await cache({ id: 'd' }).get()) === undefined, { timeout: 20_000 })
    // What is read within its millisecond is a hit.
    const { hits, misses } = figures()
    await cache({ id: 'd' }).getOrLoad(failing)
    await ask('SET', 'value:e', '{')
    await cache.getMany([{ id: 'e' }, { id: 'a' }])
    const counted = figures()
    expect(counted).toMatchObject({ nearHits: 0, stale: 1, negative: 1, loads: 4, loadErrors: 2, undecodable: 1 })
    expect(counted).toMatchObject({ hits: hits + 1, misses: misses + 1 })
    const answered = counted.hits + counted.stale + counted.negative
    expect(counted.hitRatio).toBeCloseTo(answered / (answered + counted.misses))
    expect(counted.bytesWritten).toBeGreaterThan(3)
    expect(counted.bytesRead).toBeGreaterThan(3)
  })

  test('a value is plain JSON under the key of its pattern, and every key ends by itself', async () => {
    const { cache } = await opened()
    await cache({ id: 'a:b' }).set({ n: 1, s: 'ü' })
    await cache({ id: 'c' }).getOrLoad(() => [2])
    await cache({ id: 'd' }).delete()
    expect(await ask('GET', 'value:a%3Ab')).toBe('{"n":1,"s":"ü"}')
    expect(await ask('GET', 'value:c')).toBe('[2]')
    const keys = sorted(await ask('KEYS', '*'))
    expect(keys).toEqual(['value:a%3Ab', 'value:c', count, traces])
    for (const key of keys) expect(await ask('PTTL', key)).toBeGreaterThan(0)
  })

  test('a tagged value carries the versions of its tags in a header; one without is taken from others', async () => {
    const { cache } = await opened(tagged)
    await cache({ id: 'a' }).set({ n: 1 })
    const version = await ask('GET', '{value:<id>}:~tag:all')
    expect(version).toMatch(/^\d{16}$/)
    expect(await ask('GET', 'value:a')).toBe(`\x01t${version},${version}\n{"n":1}`)
    await cache({ id: 'b' }).getOrLoad(() => ({ n: 2 }))
    const first = await ask('GET', '{value:<id>}:~tag:first:b')
    expect(await ask('GET', 'value:b')).toBe(`\x01t${first},${version}\n{"n":2}`)
    await ask('SET', 'value:c', '{"n":3}')
    expect(await cache({ id: 'c' }).get()).toEqual({ n: 3 })
  })

  test('a load whose tag was outdated meanwhile leaves nothing', async () => {
    const { cache } = await opened(tagged)
    const { cache: other } = await opened(tagged)
    const load = deferred<number>()
    const caller = cache({ id: 'a' }).getOrLoad(() => load.promise)
    await load.asked()
    await other.invalidateTag('all')
    load.resolve(1)
    expect(await caller).toBe(1)
    expect(await ask('EXISTS', 'value:a')).toBe(0)
  })

  test('clear removes nothing that is not of the namespace', async () => {
    const { cache } = await opened(tagged)
    await cache({ id: 'a' }).set(1)
    for (const key of ['values:a', 'value:a:b', 'value:', 'value']) await ask('SET', key, 'others')
    await ask('LPUSH', 'value:list', 'others')
    expect(await cache.clear()).toBe('done')
    const left = (await ask('KEYS', '*')) as string[]
    expect(sorted(left.filter(key => key[0] !== '{'))).toEqual(['value', 'value:', 'value:a:b', 'values:a'])
  })

  describe('what is no value of the namespace is a miss, is told, and replaced', () => {
    const schema: Options['value'] = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: value => (typeof value === 'number' ? { value } : { issues: [{ message: 'not a number' }] }),
      },
    }
    const cases: [string, Partial<Options>, readonly string[]][] = [
      ['half of a JSON text', {}, ['SET', 'value:a', '{"a":']],
      ['nothing at all', {}, ['SET', 'value:a', '']],
      ['invalid UTF-8', {}, ['EVAL', "return redis.call('SET', KEYS[1], '\\255\\254')", '1', 'value:a']],
      ['a value that does not fit the schema', { value: schema }, ['SET', 'value:a', '"one"']],
      ['a broken compression', { value: compressed(json()) }, ['SET', 'value:a', '\x01zg\nnot gzip']],
      ['half of a tagged value', tagged, ['SET', 'value:a', '\x01']],
    ]
    for (const [name, options, plant] of cases) {
      test(name, async () => {
        const { cache, notices } = await opened(options)
        await ask(...plant)
        expect(await cache({ id: 'a' }).get()).toBeUndefined()
        expect(await cache({ id: 'a' }).has()).toBe(false)
        expect(await cache.getMany([{ id: 'a' }])).toEqual([undefined])
        expect(notices).toEqual(Array(3).fill({ type: 'undecodable', namespace: 'values' }))
        expect(await cache({ id: 'a' }).getOrLoad(() => 1)).toBe(1)
        expect(await cache({ id: 'a' }).get()).toBe(1)
      })
    }

    test('another data type', async () => {
      const { cache, notices } = await opened()
      for (const replace of [() => cache({ id: 'a' }).getOrLoad(() => 1), () => cache({ id: 'a' }).set(1)]) {
        await ask('DEL', 'value:a')
        await ask('LPUSH', 'value:a', 'x')
        expect(await cache({ id: 'a' }).get()).toBeUndefined()
        await replace()
        expect(await cache({ id: 'a' }).get()).toBe(1)
      }
      expect(notices).toEqual([{ type: 'undecodable', namespace: 'values' }])
    })
  })

  describe('round trips', () => {
    async function calls(command: string): Promise<number> {
      const stats = (await ask('INFO', 'commandstats')) as string
      return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
    }

    test('1,000 concurrent reads share a few, getMany has one', async () => {
      const { cache } = await opened()
      const ids = Array.from({ length: 1_000 }, (_, index) => `n${index}`)
      await Promise.all(ids.map(id => cache({ id }).set(id)))
      expect(await Promise.all(ids.map(id => cache({ id }).get()))).toEqual(ids)
      expect(await calls('mget')).toBe(Math.ceil(1_000 / 32))
      await ask('CONFIG', 'RESETSTAT')
      expect(await cache.getMany(ids.map(id => ({ id })))).toEqual(ids)
      expect(await calls('mget')).toBe(1)
      expect(await calls('get')).toBe(0)
    })

    test('100 values that are loaded together take one trip when they are there, and two when some are not', async () => {
      const { cache } = await opened()
      const ids = Array.from({ length: 100 }, (_, index) => ({ id: `n${index}` }))
      await cache.setMany(ids.map(params => ({ params, value: 1 })))
      // Counting begins with the first load of a namespace.
      await cache({ id: 'other' }).getOrLoad(() => 1)
      await ask('CONFIG', 'RESETSTAT')
      await cache.getOrLoadMany(ids, () => [])
      expect([await calls('mget'), await calls('evalsha')]).toEqual([1, 0])
      await ask('DEL', 'value:n7', 'value:n9')
      const load = vi.fn((missing: readonly { id: string | number }[]) => missing.map(() => 2))
      const values = await cache.getOrLoadMany(ids, load)
      expect(values.filter(value => value === 2).length).toBe(2)
      expect(load.mock.calls).toEqual([[[{ id: 'n7' }, { id: 'n9' }]]])
      // Read, then each that was loaded is kept, in one write.
      expect([await calls('mget'), await calls('evalsha')]).toEqual([2, 2])
    })

    test('what is stored together lives for times that chance has spread, but not what has a time of its own', async () => {
      const { cache } = await opened({ ttl: '100s', jitter: 0.5 })
      const ids = Array.from({ length: 60 }, (_, index) => ({ id: `n${index}` }))
      await cache.setMany(ids.map(params => ({ params, value: 1 })))
      await cache.getOrLoadMany([{ id: 'loaded' }], () => [1])
      await cache({ id: 'own' }).set(1, { ttl: '100s' })
      const lifetime = async (id: string) => Number(await ask('PTTL', `value:${id}`))
      const lifetimes = await Promise.all([...ids, { id: 'loaded' }].map(({ id }) => lifetime(id)))
      expect(Math.max(...lifetimes)).toBeLessThanOrEqual(100_000)
      expect(Math.min(...lifetimes)).toBeGreaterThan(30_000)
      expect(new Set(lifetimes.map(ms => Math.round(ms / 5_000))).size).toBeGreaterThan(4)
      expect(await lifetime('own')).toBeGreaterThan(Math.max(...lifetimes) - 1)
    })

    test('1,000 reads of one key ask for it once', async () => {
      const { cache } = await opened()
      await cache({ id: 'a' }).set({})
      const values = await Promise.all(Array.from({ length: 1_000 }, () => cache({ id: 'a' }).get()))
      expect(await calls('get')).toBe(1)
      expect(await calls('mget')).toBe(0)
      expect(new Set(values).size).toBe(1_000)
    })

    test('a load has one more trip, to be stored, once the namespace counts its invalidations', async () => {
      const { cache } = await opened(tagged)
      await cache({ id: 'a1' }).getOrLoad(() => 1)
      await ask('CONFIG', 'RESETSTAT')
      await cache({ id: 'a2' }).getOrLoad(() => 1)
      expect(await calls('evalsha')).toBe(1)
    })
  })

  test('a key that the user may not read fails its own caller alone', async () => {
    await ask('ACL', 'SETUSER', 'limited', 'on', '>secret', '+@all', '~value:ok*', '~{value:*')
    const { cache } = await opened({}, `redis://limited:secret@127.0.0.1:${server.port}`)
    await cache({ id: 'ok1' }).set(1)
    const results = await Promise.allSettled(['ok1', 'forbidden', 'ok2'].map(id => cache({ id }).get()))
    expect(results).toMatchObject([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: { code: 'NO_PERMISSION', namespace: 'values', operation: 'read' } },
      { status: 'fulfilled', value: undefined },
    ])
    await expect(cache({ id: 'forbidden' }).delete()).rejects.toMatchObject({ code: 'NO_PERMISSION' })
  })

  test('scripts that the server has forgotten are sent again', async () => {
    const { cache } = await opened(tagged)
    await ask('SCRIPT', 'FLUSH')
    expect(await cache({ id: 'a' }).getOrLoad(() => 1)).toBe(1)
    await ask('SCRIPT', 'FLUSH')
    await cache({ id: 'a' }).set(2)
    await cache.invalidateTag('all')
    expect(await cache({ id: 'a' }).get()).toBeUndefined()
  })

  describe('a load whose delete the server no longer knows of is not stored', () => {
    const losses: Record<string, (cache: Cache) => Promise<unknown>> = {
      'the count is evicted': () => ask('DEL', count),
      'the traces are evicted': () => ask('DEL', traces),
      'everything is flushed': () => ask('FLUSHALL'),
      'the traces are evicted before another delete': async cache => {
        await ask('DEL', traces)
        await cache({ id: 'other' }).delete()
      },
      'the count is evicted before another delete': async cache => {
        await ask('DEL', count)
        await cache({ id: 'other' }).delete()
      },
      'everything is flushed before another delete': async cache => {
        await ask('FLUSHALL')
        await cache({ id: 'other' }).delete()
      },
      'everything is flushed before another load': async cache => {
        await ask('FLUSHALL')
        await cache({ id: 'other' }).getOrLoad(() => 1)
      },
      'the server is back at an older state': async () => {
        await ask('SET', count, '5')
        await ask('DEL', traces)
        await ask('ZADD', traces, '0', '')
      },
      'more was deleted since than is remembered': async cache => {
        await Promise.all(Array.from({ length: 10_100 }, (_, index) => cache({ id: `other-${index}` }).delete()))
        expect(await ask('ZCARD', traces)).toBeLessThanOrEqual(10_001)
      },
    }
    const overtakes: Record<string, (cache: Cache) => Promise<unknown>> = {
      delete: cache => cache({ id: 'a' }).delete(),
      clear: cache => cache.clear(),
    }
    for (const [when, lose] of Object.entries(losses)) {
      for (const [name, overtake] of Object.entries(overtakes)) {
        test(`${name}: ${when}`, async () => {
          const { cache } = await opened()
          const { cache: other } = await opened()
          const load = deferred<string>()
          const caller = cache({ id: 'a' }).getOrLoad(() => load.promise)
          await load.asked()
          await overtake(other)
          await lose(other)
          load.resolve('older')
          expect(await caller).toBe('older')
          expect(await other({ id: 'a' }).get()).toBeUndefined()
        })
      }
    }

    test('though the clock of the server went back', async () => {
      const { cache } = await opened()
      const { cache: other } = await opened()
      // As a server would have counted whose clock was 200 years ahead.
      await ask('SET', count, '8000000000000000')
      for (const overtake of Object.values(overtakes)) {
        const load = deferred<string>()
        const caller = cache({ id: 'a' }).getOrLoad(() => load.promise)
        await load.asked()
        await overtake(other)
        load.resolve('older')
        await caller
        expect(await other({ id: 'a' }).get()).toBeUndefined()
      }
    })
  })

  describe('at maxmemory', () => {
    test('delete, invalidateTag and clear work, of what is there and what is not', async () => {
      const { cache } = await opened({ ...tagged, whenDown: 'fail' })
      await cache({ id: 'a1' }).set(1)
      await cache({ id: 'b1' }).set(2)
      await ask('CONFIG', 'SET', 'maxmemory', '1')
      await cache({ id: 'nothing' }).delete()
      await cache({ id: 'a1' }).delete()
      expect(await cache({ id: 'a1' }).get()).toBeUndefined()
      await cache.invalidateTag('untracked')
      await cache.invalidateTag('first:b')
      expect(await cache({ id: 'b1' }).get()).toBeUndefined()
      expect(await cache.clear()).toBe('done')
      expect(await ask('EXISTS', 'value:b1')).toBe(0)
    })

    test('a load is answered; a set leaves no older value behind', async () => {
      const { cache } = await opened()
      await cache({ id: 'a' }).set('older')
      await ask('CONFIG', 'SET', 'maxmemory', '1')
      expect(await cache({ id: 'b' }).getOrLoad(() => 1)).toBe(1)
      await cache({ id: 'a' }).set('newer')
      expect(await cache({ id: 'a' }).get()).toBeUndefined()
    })

    test('with whenDown fail a set is rejected, and says that nothing was done', async () => {
      const { cache } = await opened({ whenDown: 'fail' })
      await cache({ id: 'a' }).set('older')
      await ask('CONFIG', 'SET', 'maxmemory', '1')
      expect(await cache({ id: 'b' }).getOrLoad(() => 1)).toBe(1)
      await expect(cache({ id: 'a' }).set('newer', { deadline: '100ms' })).rejects.toMatchObject({
        code: 'OUT_OF_MEMORY',
        outcome: 'not-executed',
      })
      expect(await cache({ id: 'a' }).get()).toBe('older')
    })
  })
})
