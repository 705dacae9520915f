import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { streamConformance } from '../conformance/stream.ts'
import { redisHarness } from './stream-redis-harness.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

streamConformance('Redis', () => redisHarness(server.port))
