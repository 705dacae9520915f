import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { addressesOf, incrementsOf, tagsOf } from './cluster-tags.ts'
import { proxyLinkOf, serverLinks } from './evidence.ts'
import { open } from './failover-client.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ replicas: 0, proxied: true })
}, 60_000)
afterAll(() => cluster.stop())

test('a link to a node that fell silent is found without traffic, and made anew', async () => {
  const { client, told } = await open({ cluster: { addresses: addressesOf(cluster) } })
  const lost = told('reconnecting')
  await until(() => client.$status.state === 'connected')
  const links = await Promise.all(
    cluster.nodes.map(async node => {
      // That of the survey at the start may still be ending.
      const own = await until(async () => {
        const all = await serverLinks(node, 'commands')
        return all.length === 1 && all[0]
      })
      proxyLinkOf(node.proxy!.links, own).apply({ kind: 'blackhole' })
      return own
    }),
  )
  const begun = performance.now()
  await until(() => lost.length === 3)
  expect(performance.now() - begun).toBeLessThan(5_000 + 500)
  expect(lost.map(({ error }) => error.code)).toEqual(['TIMEOUT', 'TIMEOUT', 'TIMEOUT'])
  expect(new Set(lost.map(({ server }) => server))).toEqual(new Set(addressesOf(cluster)))
  for (const [index, node] of cluster.nodes.entries()) {
    expect((await serverLinks(node, 'commands')).map(({ id }) => id)).toContain(links[index]!.id)
  }
  await until(() => client.$status.state === 'connected')
  for (const [, tag] of await tagsOf(cluster)) expect(await incrementsOf(client, tag)('x')).toBe(1)
})
