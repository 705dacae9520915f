import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { feedKind } from '../../src/kinds/feed/kind.ts'
import { feedConformance } from '../conformance/feed.ts'
import { connectTo } from '../live-server.ts'
import { feedHarness } from './feed-harness.ts'

const scripts = [...feedKind.scripts, ...channelKind.scripts]
let redis: RedisProcess
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.cleanUp())

feedConformance('a server', async () => {
  await redis.ask('FLUSHALL')
  return feedHarness(async () => ({ server: await connectTo(redis.port, { scripts }) }))
})
