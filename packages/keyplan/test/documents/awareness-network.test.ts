import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { describe as describePlan } from '../../src/index.ts'
import plan from './awareness-network.plan.ts'
import { documentKeys } from './document-keys.ts'
import { documentSystem } from './document-system.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
afterEach(() => vi.unstubAllEnvs())

const ttlMs = 3_600_000
const system = documentSystem(plan, () => server)

documentKeys(system, [
  {
    key: 'awareness:cache:popular',
    ttlMs,
    entry: redis => redis.cache({ key: 'popular' }),
    value: [{ id: 1, title: 'Žižkov' }],
  },
  {
    key: 'awareness:cache:GET:/api/listings:page=2',
    ttlMs,
    entry: redis => redis.cache({ key: 'GET:/api/listings:page=2' }),
    value: { status: 200, body: { items: [] } },
  },
])

describe('the prefix', () => {
  const neighbours = ['awareness:agents:a1', 'awareness:cache', 'awareness:session:s1', 'cache:x', 'other:cache:x']

  test('keeps the cache apart from the rest of the application and from others, also when it is cleared', async () => {
    const { redis, other } = system
    for (const key of neighbours) await other.set(key, '1', 300)
    for (const key of ['a', 'b:c', 'd:e:f']) await redis.cache({ key }).set(key)
    await other.set('awareness:cache:by:hand', '1', 300)
    expect(await redis.cache.clear()).toBe('done')
    expect(await other.keys()).toEqual(neighbours)
  })

  test('stands in what is kept beside the values, too', async () => {
    const { redis, other } = system
    await redis.cache({ key: 'a' }).getOrLoad(() => 1)
    await redis.cache({ key: 'a' }).delete()
    const helpers = await other.helperKeys()
    expect(helpers.length).toBeGreaterThan(0)
    for (const key of helpers) {
      expect(key).toMatch(/^\{awareness:cache:/)
      expect(await other.lifetime(key)).toBeGreaterThan(0)
    }
  })

  test('may come from REDIS_KEY_PREFIX, so that two systems share a server', async () => {
    const { redis, other } = system
    vi.stubEnv('REDIS_KEY_PREFIX', 'staging:')
    const staging = await system.start()
    await redis.cache({ key: 'popular' }).set(1)
    await staging.cache({ key: 'popular' }).set(2)
    expect(await other.keys()).toEqual(['awareness:cache:popular', 'staging:cache:popular'])
    await staging.cache.clear()
    expect(await redis.cache({ key: 'popular' }).get()).toBe(1)
  })
})

test('the plan says what the document says', () => {
  const { namespaces } = describePlan(plan)
  expect(namespaces.map(({ pattern, facts, figures }) => [pattern, facts.ttl, facts.form, figures])).toEqual([
    ['awareness:cache:<key...>', '1h', 'plain', { minHitRatio: 0.8 }],
  ])
  expect(plan.warnings).toEqual([])
})
