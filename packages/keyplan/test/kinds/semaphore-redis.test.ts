import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { KeyplanError } from '../../src/base/error.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { expectGrowing } from '../conformance/lock.ts'
import { semaphoreConformance, ttlMs } from '../conformance/semaphore.ts'
import { callFor, until } from '../live-server.ts'
import { connectTo, openClient, openStore, redisHarness } from './semaphore-redis-harness.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

semaphoreConformance('Redis', () => redisHarness(server.port))

describe('semaphore on a real server', () => {
  let harness: Awaited<ReturnType<typeof redisHarness>>
  const id = 'a'

  beforeEach(async () => {
    harness = await redisHarness(server.port)
  })
  afterEach(() => harness.close())

  test('is one sorted set that ends with its last permit, beside helper keys of the same slot', async () => {
    const { semaphores } = await harness.client({ ttl: '10s' })
    const held = (await semaphores({ id }).tryAcquire({ permits: 2 }))!
    await semaphores({ id }).resize(4)
    const helpers = ['{sem:a}:~fence', '{sem:a}:~limit']
    expect(((await harness.ask('KEYS', '*')) as string[]).sort()).toEqual(['sem:a', ...helpers])
    expect(await harness.ask('ZCARD', 'sem:a')).toBe(2)
    expect(await harness.ask('GET', '{sem:a}:~fence')).toBe(String(held.fence))
    const remaining = Number(await harness.ask('PTTL', 'sem:a'))
    expect(remaining > 0 && remaining <= 10_000).toBe(true)
    for (const key of helpers) expect(await harness.ask('PTTL', key)).toBeGreaterThan(29 * 86_400_000)
    await held.release()
    expect(await harness.ask('EXISTS', 'sem:a')).toBe(0)
  })

  test('the fence grows on when its helper key is evicted, when all is flushed, and past a higher one', async () => {
    const { semaphores } = await harness.client()
    const fences: bigint[] = []
    const acquire = () => semaphores({ id }).run(({ fence }) => void fences.push(fence))
    await acquire()
    await harness.ask('DEL', '{sem:a}:~fence')
    await acquire()
    await harness.ask('FLUSHALL')
    await acquire()
    const ahead = fences[2]! + 3_600_000_000n
    await harness.ask('SET', '{sem:a}:~fence', String(ahead))
    await acquire()
    expectGrowing(fences)
    expect(fences[3]).toBe(ahead + 1n)
  })

  test('permits of holders that died do not pile up', async () => {
    const claim = (name: string) => ({ key: 'sem:a', claim: createClaim(name), permits: 1 })
    await harness.store.acquire(callFor(), claim('survivor'), 9, 60_000)
    for (let count = 0; count < 5; count++) await harness.store.acquire(callFor(), claim(`dead-${count}`), 9, 1)
    await until(async () => {
      await harness.store.acquire(callFor(), claim('survivor'), 9, 60_000)
      return (await harness.ask('ZCARD', 'sem:a')) === 1
    })
  })

  test('one permit of several that is removed by hand is all of them lost', async () => {
    // Noticed by the next renewal, which is due after a third of this.
    const { semaphores } = await harness.client({ ttl: '2s' })
    const held = (await semaphores({ id }).tryAcquire({ permits: 3 }))!
    const lost = new Promise(resolve => held.signal.addEventListener('abort', resolve))
    await harness.ask('ZPOPMIN', 'sem:a')
    await lost
    expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST', message: expect.stringContaining('deleted') })
    expect(await held.release()).toBe(false)
  })

  test('at maxmemory permits can be extended and given back, and taking one says what is wrong', async () => {
    const { semaphores } = await harness.client()
    const held = (await semaphores({ id }).tryAcquire())!
    await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const another = harness.store.acquire(
        callFor(),
        { key: 'sem:a', claim: createClaim('one'), permits: 1 },
        3,
        ttlMs,
      )
      await expect(another).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
      expect(await held.extend()).toBe(true)
      expect(await held.release()).toBe(true)
      expect((await semaphores({ id }).inspect()).held).toBe(0)
    } finally {
      await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('a server whose clock was set forward still gives permits', async () => {
    const { redis, close } = await connectTo(server.port)
    const store = openStore({ ...redis, serverTime: key => redis.serverTime(key) - 60_000 })
    const mine = { key: 'sem:a', claim: createClaim('one'), permits: 1 }
    expect(await store.acquire(callFor(), mine, 3, ttlMs)).toMatchObject({ granted: true })
    await close()
  })

  test('an acquire that arrives after its own release, over a link that was given up, holds its permits no longer than it was waited for', async () => {
    const connection = await connectTo(server.port)
    const { redis } = connection
    let arrive: (() => Promise<unknown>) | undefined
    const evaluate: typeof redis.evaluate = (script, keys, args, call, ...more) => {
      if (arrive || script.name !== 'semaphore.acquire') return redis.evaluate(script, keys, args, call, ...more)
      arrive = () => redis.evaluate(script, keys, args, callFor())
      call.written++
      return Promise.reject(new KeyplanError('DISCONNECTED', 'The link was lost', { outcome: 'unknown' }))
    }
    const client = openClient({ ...connection, redis: { ...redis, evaluate } }, { ttl: '1h' })
    const held = (await client.semaphores({ id }).tryAcquire({ permits: 2 }))!
    expect(await held.release()).toBe(true)
    await arrive!()
    await until(async () => (await harness.ask('EXISTS', 'sem:a')) === 0)
    await client.close()
    await connection.close()
  })

  test('a key that holds something else is an error and stays as it is', async () => {
    const { semaphores } = await harness.client()
    await harness.ask('SET', 'sem:a', 'text')
    await expect(semaphores({ id }).tryAcquire()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    expect(await harness.ask('GET', 'sem:a')).toBe('text')
  })

  describe('behind a proxy', () => {
    let proxy: FaultProxy

    beforeEach(async () => {
      proxy = await startProxy({ to: server.port })
    })
    afterEach(() => proxy.close())

    async function faulty(ttl: '1h' | '600ms') {
      const connection = await connectTo(proxy.port)
      const client = openClient(connection, { ttl })
      onTestFinished(async () => {
        await client.close()
        await connection.close()
      })
      return client
    }

    test('permits whose reply is lost are soon free again', async () => {
      const { semaphores } = await faulty('1h')
      await proxy.swallowReplies()
      const lost = semaphores({ id }).tryAcquire({ permits: 2, deadline: '200ms' })
      await expect(lost).rejects.toMatchObject({ outcome: 'unknown' })
      await until(async () => (await harness.ask('ZCARD', 'sem:a')) === 2)
      await proxy.pass()
      await until(async () => (await harness.ask('EXISTS', 'sem:a')) === 0)
    })

    test('the signal fires before the end when no renewal comes through', async () => {
      const { semaphores, notices } = await faulty('600ms')
      const held = (await semaphores({ id }).tryAcquire())!
      const fired = new Promise(resolve => held.signal.addEventListener('abort', resolve))
      await proxy.blackhole()
      await fired
      expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
      expect(notices.at(-1)).toMatchObject({ type: 'permit-lost', namespace: 'semaphores' })
    })

    test('an unreachable server is an error', async () => {
      const { semaphores } = await faulty('600ms')
      await proxy.refuse()
      const refused = semaphores({ id }).tryAcquire({ deadline: '200ms' })
      await expect(refused).rejects.toMatchObject({ name: 'KeyplanError' })
    })
  })
})
