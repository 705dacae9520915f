import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type ClusterNode, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { addressesOf, incrementsOf, readTag, tagsOf } from '../cluster-tags.ts'
import { audit, goOn, ledgerOfTest, loop, open } from '../failover-client.ts'
import { inTurn, tell } from './median.ts'

type Shard = readonly [ClusterNode, string]

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no', proxied: true })
})
afterAll(() => cluster.stop())

const target = () => ({ cluster: { addresses: addressesOf(cluster) } })

/** What one closed loop gets done in each second: paced, so that the figure is that of the shard and not of this process. */
async function paced(call: () => Promise<unknown>, seconds: number): Promise<number[]> {
  const counts = new Array<number>(seconds).fill(0)
  const begun = performance.now()
  let due = begun
  for (;;) {
    await call()
    const second = Math.floor((performance.now() - begun) / 1_000)
    if (second >= seconds) return counts
    counts[second]!++
    due = Math.max(due + 5, performance.now() - 50)
    await sleep(Math.max(0, due - performance.now()))
  }
}

test('kill -9 of a master', async () => {
  const figures = await inTurn(5, async round => {
    const { client } = await open(target())
    const [[victim, tag], ...others] = (await tagsOf(cluster)) as [Shard, ...Shard[]]
    const ledger = ledgerOfTest()
    const hurt = loop(ledger, `kill${round}.`, incrementsOf(client, tag))
    await goOn([hurt])
    const sound = Promise.all(others.map(([, of]) => paced(() => client.$command('INCR', [`raw:{${of}}sound`]), 10)))
    await sleep(2_500)
    const begun = performance.now()
    await victim.kill()
    const before = new Set([...ledger.ids('done'), ...ledger.open()])
    await goOn([hurt], 2)
    const hurtMs = performance.now() - begun
    await goOn([hurt])
    const perSecond = await sound
    await hurt.stop()
    const read = async (ids: readonly string[]) => readTag(cluster, tag)(ids)
    const books = await audit(ledger, `kill${round}.`, read)
    expect(books.lost.filter(id => !before.has(id))).toEqual([])
    expect([books.ghosts, books.doubled]).toEqual([[], []])
    const shares = perSecond.map(counts => {
      const usual = (counts[0]! + counts[1]!) / 2
      return (Math.min(...counts.slice(2)) / usual) * 100
    })
    await client.$close()
    await victim.restart()
    await cluster.settled()
    return {
      hurtMs,
      worstSecondOfOthersPercent: Math.min(...shares),
      done: books.done,
      lostByReplication: books.lost.length,
      unknown: books.unknown,
    }
  })
  const medians = tell('Cluster, kill -9 (node-timeout 2 s): affected slots again after', figures)
  expect(medians.hurtMs).toBeLessThan(6_000)
  expect(medians.worstSecondOfOthersPercent).toBeGreaterThanOrEqual(95)
})

test('a zombie master', async () => {
  const figures = await inTurn(5, async round => {
    const { client } = await open(target())
    const idle = await Promise.all(Array.from({ length: 10 }, () => open(target())))
    const ledger = ledgerOfTest()
    const tag = 'zombie'
    const frozen = await cluster.ownerOf(`{${tag}}`)
    await frozen.pause()
    const busy = loop(ledger, `zombie${round}.busy`, incrementsOf(client, tag))
    await until(async () => (await cluster.ownerOf(`{${tag}}`).catch(() => frozen)) !== frozen)
    frozen.resume()
    const loops = idle.map(({ client }, at) => loop(ledger, `zombie${round}.idle${at}`, incrementsOf(client, tag)))
    await goOn([busy, ...loops])
    await Promise.all([busy, ...loops].map(({ stop }) => stop()))
    const books = await audit(ledger, `zombie${round}`, readTag(cluster, tag))
    expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
    await Promise.all([client, ...idle.map(one => one.client)].map(one => one.$close()))
    await cluster.settled()
    return { done: books.done, lost: books.lost.length, unknown: books.unknown, failed: books.failed }
  })
  tell('Cluster, frozen and woken master: of the writes begun after the stop', figures)
})

test('a whole cluster unreachable for a minute: how often each node is asked', async () => {
  const { client, lines } = await open(target())
  await until(() => client.$status.state === 'connected')
  await Promise.all(cluster.nodes.map(({ proxy }) => proxy!.reset()))
  await until(() => client.$status.state === 'reconnecting')
  const before = cluster.nodes.map(({ proxy }) => proxy!.totals.turnedAway)
  await sleep(60_000)
  const perMinute = cluster.nodes.map(({ proxy }, at) => proxy!.totals.turnedAway - before[at]!)
  await Promise.all(cluster.nodes.map(({ proxy }) => proxy!.pass()))
  await until(() => client.$status.state === 'connected')
  console.log('Cluster unreachable for 60 s: attempts', perMinute, 'log lines', lines.length)
  for (const attempts of perMinute) expect(attempts).toBeLessThanOrEqual(40)
  expect(lines.length).toBeLessThan(20)
})
