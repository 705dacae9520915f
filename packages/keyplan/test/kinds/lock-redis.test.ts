import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { expectGrowing, lockConformance, ttlMs } from '../conformance/lock.ts'
import { until } from '../live-server.ts'
import { callFor, connectTo, openStore, redisHarness } from './lock-redis-harness.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

lockConformance('Redis', () => redisHarness(server.port))

describe('lock on a real server', () => {
  let harness: Awaited<ReturnType<typeof redisHarness>>
  const id = 'a'
  const counter = '{lock:<id>}:~fence'

  beforeEach(async () => {
    harness = await redisHarness(server.port)
  })
  afterEach(() => harness.close())

  test('locks of a namespace count their fences in one helper key that outlives them by far', async () => {
    const { locks } = await harness.client()
    const held = await locks({ id }).tryAcquire()
    const next = await locks({ id: 'b' }).tryAcquire()
    expect(next!.fence).toBeGreaterThan(held!.fence)
    expect(new Set((await harness.ask('KEYS', '*')) as string[])).toEqual(new Set(['lock:a', 'lock:b', counter]))
    expect(await harness.ask('GET', counter)).toBe(String(next!.fence))
    expect(await harness.ask('PTTL', counter)).toBeGreaterThan(29 * 86_400_000)
  })

  test('where several servers share the keys, each lock counts its own in its slot', async () => {
    const { redis, close } = await connectTo(server.port)
    const store = openStore(redis, undefined, false)
    const requests = ['lock:a', 'lock:b'].map(key => ({ key, claim: createClaim('one') }))
    expect(await store.acquireMany(callFor(), requests, ttlMs)).toMatchObject([{ granted: true }, { granted: true }])
    const keys = ['lock:a', 'lock:b', '{lock:a}:~fence', '{lock:b}:~fence']
    expect(new Set((await harness.ask('KEYS', '*')) as string[])).toEqual(new Set(keys))
    expect(await harness.ask('CLUSTER', 'KEYSLOT', 'lock:a')).toEqual(
      await harness.ask('CLUSTER', 'KEYSLOT', '{lock:a}:~fence'),
    )
    await close()
  })

  test('the fence grows on when its helper key is evicted, when all is flushed, and past a higher one', async () => {
    const { locks } = await harness.client()
    const fences: bigint[] = []
    const acquire = () => locks({ id }).run(({ fence }) => void fences.push(fence))
    await acquire()
    await harness.ask('DEL', counter)
    await acquire()
    await harness.ask('FLUSHALL')
    await acquire()
    const ahead = fences[2]! + 3_600_000_000n
    await harness.ask('SET', counter, String(ahead))
    await acquire()
    expectGrowing(fences)
    expect(fences[3]).toBe(ahead + 1n)
  })

  test('a lock that is deleted under its holder is lost, and its release frees nobody else’s', async () => {
    const { locks } = await harness.client()
    const other = await harness.client()
    const held = (await locks({ id }).tryAcquire())!
    const lost = new Promise(resolve => held.signal.addEventListener('abort', resolve))
    await harness.ask('DEL', 'lock:a')
    const next = (await other.locks({ id }).tryAcquire())!
    await lost
    expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST', message: expect.stringContaining('deleted') })
    expect(await held.release()).toBe(false)
    expect(next.fence).toBeGreaterThan(held.fence)
    expect(next.signal.aborted).toBe(false)
    expect(await locks({ id }).isLocked()).toBe(true)
  })

  test('locks asked for in one tick share a round trip, and a key of another type fails its own caller alone', async () => {
    const { locks } = await harness.client()
    await harness.ask('LPUSH', 'lock:list', 'x')
    const ids = ['one', 'list', 'two', 'three']
    const calls = async () => /cmdstat_evalsha:calls=(\d+)/.exec(String(await harness.ask('INFO', 'commandstats')))?.[1]
    await harness.ask('CONFIG', 'RESETSTAT')
    const results = await Promise.allSettled(ids.map(own => locks({ id: own }).tryAcquire()))
    expect(await calls()).toBe('1')
    expect(results.map(result => (result.status === 'rejected' ? result.reason.code : typeof result.value))).toEqual([
      'object',
      'WRONG_TYPE',
      'object',
      'object',
    ])
    const held = results.flatMap(result => (result.status === 'fulfilled' && result.value ? [result.value] : []))
    expect(await Promise.all(held.map(lock => lock.release()))).toEqual([true, true, true])
    expect(await calls()).toBe('2')
    expect(await harness.ask('LLEN', 'lock:list')).toBe(1)
  })

  test('at maxmemory it can be extended and released, and taking one says what is wrong', async () => {
    const { locks } = await harness.client()
    const held = (await locks({ id }).tryAcquire())!
    await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
    try {
      const another = harness.store.acquire(callFor(), 'lock:b', createClaim('one'), ttlMs)
      await expect(another).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', outcome: 'not-executed' })
      expect(await held.extend()).toBe(true)
      expect(await held.release()).toBe(true)
      expect(await locks({ id }).isLocked()).toBe(false)
    } finally {
      await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
    }
  })

  test('one subscription serves all locks of a client and ends with it', async () => {
    const { locks, close } = await harness.client()
    const other = await harness.client()
    const channels = async () => ((await harness.ask('PUBSUB', 'CHANNELS', 'lock:~wake:*')) as string[]).length
    const held = (await other.locks({ id }).tryAcquire())!
    const controller = new AbortController()
    const aborted = locks({ id }).acquire({ signal: controller.signal })
    const ended = expect(aborted).rejects.toMatchObject({ code: 'ABORTED' })
    const patient = [1, 2, 3].map(() => locks({ id }).run(() => {}))
    await until(async () => (await channels()) === 2)
    controller.abort()
    await ended
    await held.release()
    await Promise.all(patient)
    await locks({ id: 'b' }).run(() => {})
    expect(await channels()).toBe(2)
    await close()
    await until(async () => (await channels()) === 1)
  })

  test('a user who may not use channels releases all the same, and the poll brings the lock', async () => {
    const [one, two] = await Promise.all([harness.client(), harness.client()])
    await harness.ask('ACL', 'SETUSER', 'default', 'resetchannels')
    try {
      const held = (await one.locks({ id }).tryAcquire())!
      const waiter = two.locks({ id }).acquire()
      await harness.advance(50)
      expect(await held.release()).toBe(true)
      expect((await waiter)!.fence).toBeGreaterThan(held.fence)
    } finally {
      await harness.ask('ACL', 'SETUSER', 'default', 'allchannels')
    }
  })

  test('a server whose clock was set forward still gives locks', async () => {
    const { redis, close } = await connectTo(server.port)
    const store = openStore({ ...redis, serverTime: key => redis.serverTime(key) - 60_000 })
    expect(await store.acquire(callFor(), 'lock:a', createClaim('one'), ttlMs)).toMatchObject({ granted: true })
    await close()
  })

  test('a key that another program uses as a lock is taken, whatever it says', async () => {
    const { locks } = await harness.client()
    await harness.ask('SET', 'lock:a', 'some-token')
    expect(await locks({ id }).tryAcquire()).toBeUndefined()
    expect(await locks({ id }).inspect()).toEqual({
      locked: true,
      remainingMs: undefined,
      holder: undefined,
      waiters: 0,
      readers: 0,
    })
    await harness.ask('DEL', 'lock:a')
    await harness.ask('LPUSH', 'lock:a', 'x')
    await expect(locks({ id }).tryAcquire()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  })
})
