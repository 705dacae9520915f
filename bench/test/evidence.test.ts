import { startRedis } from '@keyplan/local'
import { Redis } from 'ioredis-6'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { addEvidence, describeCalls, readEvidence, resetEvidence } from '../src/evidence.ts'
import { cache } from '../src/suites/cache.ts'
import { lock } from '../src/suites/lock.ts'
import { rateLimit } from '../src/suites/rate-limit.ts'

let server: Awaited<ReturnType<typeof startRedis>>
let redis: Redis

beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
})
beforeEach(async () => {
  await redis.flushall()
  await resetEvidence(redis)
})
afterAll(async () => {
  redis.disconnect()
  await server.cleanUp()
})

test('keys found are counted one by one, whatever command asked for them', async () => {
  await redis.set('a', '1')
  await redis.set('b', '2')
  await resetEvidence(redis)
  await redis.mget('a', 'b', 'c')
  await redis.eval("return redis.call('GET', KEYS[1])", 1, 'a')
  const evidence = await readEvidence(redis)
  expect(evidence).toMatchObject({ hits: 3, misses: 1 })
  expect(Object.fromEntries(evidence.calls)).toEqual({ mget: 1, eval: 1, get: 1 })
  expect(describeCalls(addEvidence([evidence, evidence]), 4)).toBe('eval 0.50, get 0.50, mget 0.50')
})

describe('a subject is refuted', () => {
  test('when it answers reads without the server', async () => {
    await redis.set('a', '1')
    await redis.get('a')
    expect(cache.refute(await readEvidence(redis), 1, 'peer')).toBeUndefined()
    expect(cache.refute(await readEvidence(redis), 2, 'peer')).toBe('2 reads were answered by 1 keys found')
  })

  test('when points are missing from the counters', async () => {
    await redis.incrby('k1', 2)
    await redis.incr('k2')
    expect(await rateLimit.refuteRemains(redis, 3)).toBeUndefined()
    expect(await rateLimit.refuteRemains(redis, 4)).toBe('4 points were taken, the counters hold 3')
  })

  test('when locks were not taken, or not released', async () => {
    await redis.set('k1', 'owner')
    expect(lock.refute(await readEvidence(redis), 2, 'peer')).toBe('2 locks were taken with 1 writes')
    expect(await lock.refuteRemains(redis, 1)).toBe('1 locks are still held')
    await redis.del('k1')
    expect(lock.refute(await readEvidence(redis), 1, 'peer')).toBeUndefined()
    expect(await lock.refuteRemains(redis, 1)).toBeUndefined()
  })
})
