import { type Cluster, type ClusterNode, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { isKeyplanError } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { addressesOf, incrementsOf, readTag, tagsOf } from './cluster-tags.ts'
import { audit, goOn, ledgerOfTest, loop, open } from './failover-client.ts'

type Shard = readonly [ClusterNode, string]

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())

test('kill -9 of a master holds up its own slots alone, until its replica has them', { timeout: 60_000 }, async () => {
  const { client, failovers, lines } = await open({ cluster: { addresses: addressesOf(cluster) } })
  const [[victim, tag], ...others] = (await tagsOf(cluster)) as [Shard, ...Shard[]]
  const ledger = ledgerOfTest()
  const budget = openBudget(5_000)
  const increment = (of: string) => (id: string) => budget.within(() => incrementsOf(client, of)(id))
  const hurt = loop(ledger, 'hurt', increment(tag))
  const sound = others.map(([, of], index) => loop(ledger, `sound${index}`, increment(of)))
  await goOn([hurt, ...sound])
  const [replica] = await cluster.replicasOf(victim)

  await victim.kill()
  const before = new Set([...ledger.ids('done'), ...ledger.open()])
  await until(() => client.$status.state === 'degraded')
  expect(client.$status.nodes.map(({ state }) => state).sort()).toEqual(['connected', 'connected', 'reconnecting'])
  await goOn(sound)
  await goOn([hurt])
  await Promise.all([hurt, ...sound].map(({ stop }) => stop()))

  expect(await cluster.ownerOf(`{${tag}}`)).toBe(replica)
  const [mine, theirs] = [`127.0.0.1:${victim.port}`, `127.0.0.1:${replica!.port}`]
  expect(failovers).toEqual([{ server: theirs, from: mine }])
  await until(() => client.$status.state === 'connected')
  expect(lines.filter(line => line.includes(mine) || line.includes(theirs)).length).toBe(4)
  const books = await audit(ledger, 'hurt', readTag(cluster, tag))
  expect(books.lost.filter(id => !before.has(id))).toEqual([])
  expect([books.ghosts, books.doubled, ledger.open()]).toEqual([[], [], []])
  for (const [index, [, of]] of others.entries()) {
    const { lost, failed, unknown, doubled } = await audit(ledger, `sound${index}`, readTag(cluster, of))
    expect([lost, failed, unknown, doubled]).toEqual([[], 0, 0, []])
  }
  expect(budget.worst).toBeLessThan(budget.limit)
  await victim.restart()
  await cluster.settled()
})

test('slots that nobody can take over: typed errors, at once when the breaker is open, and the others are served', {
  timeout: 60_000,
}, async () => {
  const { client, lines } = await open({ cluster: { addresses: addressesOf(cluster) }, deadline: '1s' })
  const [[first, gone], [second], [sound, tag]] = (await tagsOf(cluster)) as [Shard, Shard, Shard]
  const dead = [first, ...(await cluster.replicasOf(first))]
  await Promise.all(dead.map(node => node.kill()))
  const ledger = ledgerOfTest()
  const budget = openBudget(1_000)
  const loops = Array.from({ length: 6 }, (_, index) =>
    loop(ledger, `dead${index}`, id => budget.within(() => incrementsOf(client, gone)(id))),
  )
  const healthy = loop(ledger, 'sound', incrementsOf(client, tag))
  await until(async () => new RegExp(`${first.id} .*master,fail `).test(String(await sound.ask('CLUSTER', 'NODES'))))
  await goOn([healthy])
  await until(() => ledger.errors.some(error => isKeyplanError(error, 'BREAKER_OPEN')))
  await Promise.all([...loops, healthy].map(({ stop }) => stop()))

  expect(ledger.ids('done').filter(id => id.startsWith('dead'))).toEqual([])
  const codes = new Set(ledger.errors.map(error => isKeyplanError(error) && error.code))
  for (const code of codes) expect(['BREAKER_OPEN', 'TIMEOUT', 'DISCONNECTED', 'CLUSTER_DOWN']).toContain(code)
  const { failed, unknown, lost, doubled } = await audit(ledger, 'sound', readTag(cluster, tag))
  expect([failed, unknown, lost, doubled]).toEqual([0, 0, [], []])
  expect(client.$status.state).toBe('degraded')

  // Two of three masters: the one that is left serves nothing any more, its own slots neither.
  await second.kill()
  await until(async () => /cluster_state:fail/.test(String(await sound.ask('CLUSTER', 'INFO'))))
  const refused = budget.within(() => incrementsOf(client, tag)('refused'))
  await expect(refused).rejects.toMatchObject({ code: 'CLUSTER_DOWN', outcome: 'not-executed' })
  expect(budget.worst).toBeLessThan(budget.limit)
  expect(lines.length).toBeLessThan(15)
  await Promise.all([...dead, second].map(node => node.restart()))
  for (const of of [gone, tag]) await until(() => incrementsOf(client, of)('after').then(Boolean, () => false))
  await until(() => client.$status.nodes.every(({ state }) => state === 'connected'))
})
