import { type Cluster, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { addressesOf, incrementsOf, readTag } from './cluster-tags.ts'
import { audit, goOn, ledgerOfTest, loop, open } from './failover-client.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())

const tag = 'zombie'

test('a master that was frozen, replaced and woken gets no write, of a busy client or an idle one', {
  timeout: 60_000,
}, async () => {
  const target = { cluster: { addresses: addressesOf(cluster) } }
  const { client } = await open(target)
  const idle = await Promise.all(Array.from({ length: 5 }, () => open(target)))
  const ledger = ledgerOfTest()
  const frozen = await cluster.ownerOf(`{${tag}}`)
  await frozen.pause()
  const busy = loop(ledger, 'raw-busy', incrementsOf(client, tag))
  const successor = await until(async () => {
    const owner = await cluster.ownerOf(`{${tag}}`).catch(() => frozen)
    return owner !== frozen && owner
  })
  frozen.resume()
  const loops = idle.map(({ client }, index) => loop(ledger, `raw-idle${index}`, incrementsOf(client, tag)))
  await goOn([busy, ...loops])
  await Promise.all([busy, ...loops].map(({ stop }) => stop()))

  const books = await audit(ledger, 'raw-', readTag(cluster, tag))
  expect(books.done).toBeGreaterThan(250)
  expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
  const moved = { server: `127.0.0.1:${successor.port}`, from: `127.0.0.1:${frozen.port}` }
  for (const { client, failovers } of idle) {
    expect(failovers).toEqual([moved])
    expect(client.$status.nodes.map(({ server }) => server)).not.toContain(moved.from)
  }
  await cluster.settled()
})

test('a planned failover is told, loses nothing and costs nobody an error', { timeout: 60_000 }, async () => {
  const { client, failovers } = await open({ cluster: { addresses: addressesOf(cluster) } })
  const ledger = ledgerOfTest()
  const busy = loop(ledger, 'raw-planned', incrementsOf(client, tag))
  await goOn([busy])
  const old = await cluster.ownerOf(`{${tag}}`)
  const successor = await cluster.failover(old)
  await goOn([busy])
  await busy.stop()
  expect(String(await successor.ask('ROLE'))).toMatch(/^master/)
  expect(ledger.errors).toEqual([])
  const books = await audit(ledger, 'raw-planned', readTag(cluster, tag))
  expect([books.lost, books.doubled]).toEqual([[], []])
  expect(failovers).toEqual([{ server: `127.0.0.1:${successor.port}`, from: `127.0.0.1:${old.port}` }])
})
