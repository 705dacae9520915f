import { type RedisProcess, startRedis } from '@keyplan/local'
import { cache, definePlan, text } from 'keyplan'
import { connect } from 'keyplan/client'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { redisHealth } from '../src/watch/health.ts'

const plan = definePlan('health', { page: cache('page:<id>', { ttl: '1m', value: text() }) })
let server: RedisProcess
const open = (options = {}) => connect(plan, { url: server.url, log: () => {}, ...options })

beforeEach(async () => {
  server = await startRedis()
})
afterEach(() => server.cleanUp())

async function until(check: () => Promise<boolean>): Promise<void> {
  while (!(await check())) await new Promise(resolve => setTimeout(resolve, 20))
}

test('a server that answers is up, with its figures as text and as numbers', async () => {
  await using redis = await open()
  const health = await redisHealth(redis)
  expect(health).toMatchObject({ status: 'up', enabled: true, mode: 'redis' })
  expect(Number(health.info.total_commands_processed)).toBe(health.figures.total_commands_processed)
  expect(health.info.used_memory_human).toMatch(/^[\d.]+[KM]$/)
  expect(health.figures.connected_clients).toBeGreaterThanOrEqual(1)
  expect(health.latencyMs).toBeGreaterThan(0)
})

test('a killed server is down with the reason, and up again after its restart', async () => {
  await using redis = await open()
  await server.kill()
  await until(async () => (await redisHealth(redis)).status === 'down')
  expect(await redisHealth(redis)).toMatchObject({ enabled: true, info: {}, figures: {} })
  expect((await redisHealth(redis)).reason).toContain(`127.0.0.1:${server.port}`)
  await server.restart()
  await until(async () => (await redisHealth(redis)).status === 'up')
})

test('a server that hangs is down within the patience', async () => {
  await using redis = await open()
  await server.pause()
  const answered = redisHealth(redis, { patience: '100ms' })
  await expect(answered).resolves.toMatchObject({ status: 'down', enabled: true })
  server.resume()
})

test('memory mode is up, and says that no server is configured', async () => {
  await using redis = await connect(plan, { memory: true })
  expect(await redisHealth(redis)).toEqual({ status: 'up', enabled: false, mode: 'memory', info: {}, figures: {} })
})
