import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentSystem } from './document-system.ts'
import plan from './locks.plan.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const system = documentSystem(plan, () => server)
type Redis = typeof system.redis

const documented = [
  {
    key: 'awareness:lock:listing:42:price',
    ttlMs: 30_000,
    lock: (redis: Redis) => redis.awareness({ resource: 'listing:42:price' }),
  },
  {
    key: 'locks:relationship_discovery:abc123',
    ttlMs: 15_000,
    lock: (redis: Redis) => redis.kushim({ recordId: 'abc123' }),
  },
]

describe.each(documented)('$key', ({ key, ttlMs, lock }) => {
  test('is what lies on the server while it is held, for its time, and is gone afterwards', async () => {
    const { redis, other } = system
    const held = (await lock(redis).tryAcquire())!
    expect(await other.keys()).toContain(key)
    const lifetime = await other.lifetime(key)
    expect(lifetime).toBeLessThanOrEqual(ttlMs)
    expect(lifetime).toBeGreaterThan(ttlMs - 10_000)
    expect(await lock(await system.start()).tryAcquire()).toBeUndefined()
    expect(await held.release()).toBe(true)
    expect(await other.keys()).not.toContain(key)
  })

  test('lets one instance at a time in, and says who that is', async () => {
    const instances = [system.redis, await system.start(), await system.start()]
    let inside = 0
    const fences = await Promise.all(
      instances.flatMap(redis =>
        [1, 2, 3].map(() =>
          lock(redis).run(
            async ({ fence }) => {
              expect(++inside).toBe(1)
              expect((await lock(instances[0]!).inspect()).holder).toMatchObject({ pid: process.pid, fence })
              inside--
              return fence
            },
            { wait: '20s' },
          ),
        ),
      ),
    )
    expect(new Set(fences).size).toBe(9)
  })
})

test('three tries 200 ms apart and then no lock, as Kushim has it', async () => {
  const held = await system.redis.kushim({ recordId: 'r' }).tryAcquire()
  const other = await system.start()
  await expect(other.kushim({ recordId: 'r' }).run(() => 'never')).rejects.toMatchObject({
    code: 'LOCK_BUSY',
    message: expect.stringContaining('600 ms'),
  })
  await held?.release()
})

test('an instance that lost the lock without knowing cannot overwrite what the next one found', async () => {
  const [one, two] = [system.redis, await system.start()]
  const recordId = 'r'
  const late = (await one.kushim({ recordId }).tryAcquire())!
  await one.links({ recordId }).set(['by the first'], { fence: late.fence })
  await system.other.delete(`locks:relationship_discovery:${recordId}`)
  const next = (await two.kushim({ recordId }).tryAcquire())!
  expect(await two.links({ recordId }).set(['by the second'], { fence: next.fence })).toBe('done')
  expect(await one.links({ recordId }).set(['late'], { fence: late.fence })).toBe('outdated')
  expect(await one.links({ recordId }).get()).toEqual(['by the second'])
  await next.release()
})
