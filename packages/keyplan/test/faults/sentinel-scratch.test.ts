import { setTimeout as sleep } from 'node:timers/promises'
import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { amiss, increments, ledgerOfTest, loop, open, pages } from './failover-client.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())

const read = async (ids: readonly string[]) => (await topology.master()).ask('MGET', ...ids.map(id => `raw:${id}`))

test('planned', { timeout: 120_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const { client, lines } = await open({ url: topology.url })
    const ledger = ledgerOfTest()
    const before = await topology.master()
    const name = client.$status.server
    const incr = loop(ledger, `i${round}`, increments(client))
    const page = loop(ledger, `p${round}`, pages(client))
    await until(() => incr.done > 100 && page.done > 100)
    const t = performance.now()
    await topology.failover()
    await until(() => client.$status.server !== name && client.$status.state === 'connected')
    const took = performance.now() - t
    const d = incr.done
    await until(() => incr.done > d + 100)
    await Promise.all([incr.stop(), page.stop()])
    await topology.settled()
    const done = ledger.ids('done').filter(id => id.startsWith('i'))
    const lost = await amiss(done, read)
    const lostPages = await (async () => {
      const ids = ledger.ids('done').filter(id => id.startsWith('p'))
      const m = await topology.master()
      const v = (await m.ask('MGET', ...ids.map(id => `page:${id}`))) as unknown[]
      return v.filter(x => x === null).length
    })()
    console.log('planned', round, {
      took,
      done: done.length,
      lost: lost.length,
      lostPages,
      unknown: ledger.ids('unknown').length,
      failed: ledger.ids('failed').length,
      errors: ledger.errors.slice(0, 3).map(String),
      lines,
      before: before.port,
    })
    await client.$close()
  }
})

test('zombie', { timeout: 200_000 }, async () => {
  for (let round = 0; round < 3; round++) {
    const { client, lines } = await open({ url: topology.url })
    const idle = await Promise.all(Array.from({ length: 10 }, () => open({ url: topology.url })))
    const ledger = ledgerOfTest()
    await sleep(500)
    const frozen = await topology.master()
    await frozen.pause()
    const t = performance.now()
    const busy = loop(ledger, `z${round}`, increments(client))
    await until(async () => (await topology.master()) !== frozen)
    frozen.resume()
    const t1 = performance.now()
    const loops = idle.map(({ client }, index) => loop(ledger, `idle${round}.${index}`, increments(client)))
    await until(() => busy.done > 100 && loops.every(l => l.done > 100))
    const t2 = performance.now()
    await Promise.all([busy, ...loops].map(l => l.stop()))
    await topology.settled()
    const done = ledger.ids('done')
    const lost = await amiss(done, read)
    console.log('zombie', round, {
      promoted: t1 - t,
      ok: t2 - t1,
      done: done.length,
      lost: lost.length,
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
