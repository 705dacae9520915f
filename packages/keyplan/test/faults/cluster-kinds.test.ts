import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, test } from 'vitest'
import { addressesOf } from './cluster-tags.ts'
import { open } from './failover-client.ts'
import { keepPromises } from './failover-kinds.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())

test('over planned failovers of all shards locks exclude, limits hold, and what was deleted stays deleted', {
  timeout: 60_000,
}, async () => {
  const opened = await Promise.all([1, 2, 3].map(() => open({ cluster: { addresses: addressesOf(cluster) } })))
  const masters = (await cluster.shape()).filter(({ role }) => role === 'master')
  await keepPromises(
    opened.map(({ client }) => client),
    async () => {
      for (const { node } of masters) await cluster.failover(node)
    },
  )
})
