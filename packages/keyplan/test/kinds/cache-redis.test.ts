import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { cacheConformance } from '../conformance/cache.ts'
import { redisHarness } from './cache-redis-harness.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

cacheConformance('Redis', () => redisHarness(server.port))
