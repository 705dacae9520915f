import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { channelKind } from '../../src/kinds/channel/kind.ts'
import { feedKind } from '../../src/kinds/feed/kind.ts'
import { channelConformance } from '../conformance/channel.ts'
import { feedConformance } from '../conformance/feed.ts'
import { openTarget, until } from '../live-server.ts'
import { channelHarness } from './channel-harness.ts'
import { feedHarness } from './feed-harness.ts'

/** What channels and feeds promise, they promise on a cluster: the same tests, on three masters. */
let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
}, 60_000)
afterAll(() => cluster.stop())

const scripts = [...channelKind.scripts, ...feedKind.scripts]

async function connect() {
  const addresses = cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port }))
  const live = openTarget({ topology: 'cluster', addresses }, { scripts })
  await until(() => live.connection.state === 'ready')
  return live
}
const empty = () => Promise.all(cluster.nodes.map(node => node.ask('FLUSHALL')))

channelConformance('a cluster', async () => {
  await empty()
  return channelHarness(connect)
})
feedConformance('a cluster', async () => {
  await empty()
  return feedHarness(async () => ({ server: await connect() }))
})
