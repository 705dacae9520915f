import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, beforeAll } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { type StreamClient, streamConformance, streamPlan } from '../conformance/stream.ts'

let cluster: Cluster

beforeAll(async () => {
  cluster = await startCluster({ replicas: 0 })
}, 60_000)
afterAll(() => cluster.stop())

streamConformance('a cluster', async () => {
  await Promise.all(cluster.nodes.map(node => node.ask('FLUSHALL')))
  const addresses = cluster.nodes.map(({ port }) => `127.0.0.1:${port}`)
  const clients: StreamClient[] = []
  return {
    async client() {
      const redis = await connect(streamPlan, { cluster: { addresses }, start: 'required', log: false })
      clients.push(redis)
      return redis
    },
    async close() {
      await Promise.all(clients.map(redis => redis.$close()))
    },
  }
})
