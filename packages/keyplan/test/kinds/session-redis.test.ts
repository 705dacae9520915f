import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { sessionConformance } from '../conformance/session.ts'
import { redisHarness } from './session-harness.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

sessionConformance('Redis', async () => {
  await server.ask('FLUSHALL')
  return redisHarness(server.port)
})
