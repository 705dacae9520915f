import { setTimeout as sleep } from 'node:timers/promises'
import { type Cluster, type ClusterNode, startCluster } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { increments, ledgerOfTest, loop, open, pages } from './failover-client.ts'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster({ requireFullCoverage: 'no' })
}, 60_000)
afterAll(() => cluster.stop())
const at = (ids: readonly string[], n = 6) => ({
  cluster: { addresses: cluster.nodes.slice(0, n).map(({ port }) => `127.0.0.1:${port}`) },
})

async function value(key: string) {
  const owner = await cluster.ownerOf(key)
  return owner.ask('GET', key)
}
/** ids are raw keys; all keys of one hash tag */
test('kill', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 2; round++) {
    const { client, lines, failovers } = await open(at([]))
    const tags = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map(t => t)
    const byOwner = new Map<ClusterNode, string>()
    for (const t of tags) byOwner.set(await cluster.ownerOf(`{${t}}`), t)
    expect(byOwner.size).toBe(3)
    const [[victim, tag], ...others] = [...byOwner] as [[ClusterNode, string], ...[ClusterNode, string][]]
    const ledger = ledgerOfTest()
    const perSecond = others.map(() => [] as number[])
    const loops = others.map(([, t], i) => loop(ledger, `ok${i}`, id => client.$command('SET', [`raw:{${t}}${id}`, 1])))
    const timer = setInterval(() => loops.forEach((l, i) => perSecond[i]!.push(l.done)), 1000)
    const hurt = loop(ledger, 'hurt', id => client.$command('INCR', [`raw:{${tag}}${id}`]))
    await sleep(3_000)
    const d = hurt.done
    const t = performance.now()
    await victim.kill()
    await until(() => hurt.done > d + 20)
    const took = performance.now() - t
    await sleep(2000)
    await Promise.all([...loops, hurt].map(l => l.stop()))
    clearInterval(timer)
    let lost = 0
    for (const id of ledger.ids('done').filter(i => i.startsWith('hurt')))
      if ((await value(`raw:{${tag}}${id}`)) !== '1') lost++
    console.log('kill', {
      took,
      lost,
      failovers,
      unknown: ledger.ids('unknown').length,
      failed: ledger.ids('failed').length,
      errors: [...new Set(ledger.errors.map(String))].slice(0, 5),
      lines,
      perSecond: perSecond.map(p => p.map((v, i) => v - (p[i - 1] ?? 0))),
    })
    await victim.restart()
    await cluster.settled()
    await client.$close()
  }
})
test('zombie', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const { client, lines, failovers } = await open(at([]))
    const idle = await Promise.all(Array.from({ length: 10 }, () => open(at([]))))
    const tag = 'z'
    const ledger = ledgerOfTest()
    await sleep(300)
    const frozen = await cluster.ownerOf('{z}')
    await frozen.pause()
    const t = performance.now()
    const busy = loop(ledger, `z${round}`, id => client.$command('INCR', [`raw:{${tag}}${id}`]))
    await until(async () => (await cluster.ownerOf('{z}').catch(() => frozen)) !== frozen)
    frozen.resume()
    const t1 = performance.now()
    const loops = idle.map(({ client }, index) =>
      loop(ledger, `idle${round}.${index}`, id => client.$command('INCR', [`raw:{${tag}}${id}`])),
    )
    await until(() => busy.done > 100 && loops.every(l => l.done > 100))
    const t2 = performance.now()
    await Promise.all([busy, ...loops].map(l => l.stop()))
    await cluster.settled()
    const done = ledger.ids('done')
    const owner = await cluster.ownerOf('{z}')
    const values = (await owner.ask('MGET', ...done.map(id => `raw:{z}${id}`))) as unknown[]
    const lost = done.filter((_, i) => values[i] !== '1')
    console.log('zombie', round, {
      promoted: t1 - t,
      ok: t2 - t1,
      done: done.length,
      lost: lost.length,
      failovers,
      idleFailovers: idle.map(i => i.failovers.length),
      who: [...new Set(lost.map(id => id.split('-')[0]))],
      unknown: ledger.ids('unknown').length,
      failed: ledger.ids('failed').length,
      errors: [...new Set(ledger.errors.map(String))].slice(0, 4),
      lines,
    })
    await client.$close()
    for (const { client } of idle) await client.$close()
  }
})
test('planned', { timeout: 120_000 }, async () => {
  const { client, lines, failovers } = await open(at([]))
  const ledger = ledgerOfTest()
  const busy = loop(ledger, `p`, id => client.$command('INCR', [`raw:{z}${id}`]))
  await until(() => busy.done > 100)
  const t = performance.now()
  await cluster.failover(await cluster.ownerOf('{z}'))
  const d = busy.done
  await until(() => busy.done > d + 100)
  await busy.stop()
  const done = ledger.ids('done')
  const owner = await cluster.ownerOf('{z}')
  const values = (await owner.ask('MGET', ...done.map(id => `raw:{z}${id}`))) as unknown[]
  console.log('planned', {
    t: performance.now() - t,
    done: done.length,
    lost: done.filter((_, i) => values[i] !== '1').length,
    failovers,
    unknown: ledger.ids('unknown').length,
    failed: ledger.ids('failed').length,
    errors: [...new Set(ledger.errors.map(String))].slice(0, 4),
    lines,
  })
})
