import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { channelConformance } from '../conformance/channel.ts'
import { connectTo } from '../live-server.ts'
import { channelHarness } from './channel-harness.ts'

let redis: RedisProcess
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.cleanUp())

channelConformance('a server', async () => {
  await redis.ask('FLUSHALL')
  return channelHarness(() => connectTo(redis.port, { scripts: channelKind.scripts }))
})
