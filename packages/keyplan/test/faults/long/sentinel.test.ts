import { type RedisProcess, type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { audit, goOn, increments, ledgerOfTest, loop, open, pages } from '../failover-client.ts'
import { successorOf } from '../successor.ts'
import { firstSuccess, inTurn, tell } from './median.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
})
afterAll(() => topology.stop())

const readFrom = (master: RedisProcess) => async (ids: readonly string[]) =>
  (await master.ask('MGET', ...ids.map(id => `raw:${id}`))) as unknown[]

test('kill -9 of the master', async () => {
  const figures = await inTurn(5, async round => {
    const { client } = await open({ url: topology.url })
    const idle = await open({ url: topology.url })
    const ledger = ledgerOfTest()
    const busy = loop(ledger, `kill${round}`, increments(client))
    await goOn([busy])
    const old = await topology.master()
    const begun = performance.now()
    await old.kill()
    const before = new Set([...ledger.ids('done'), ...ledger.open()])
    const [busyMs, idleMs] = await Promise.all([
      goOn([busy], 2).then(() => performance.now() - begun),
      firstSuccess(() => idle.client.$command('INCR', [idle.client.raw.key({ id: `idle${round}` })]), begun),
    ])
    await goOn([busy])
    await busy.stop()
    const successor = await successorOf(topology, old)
    const books = await audit(ledger, `kill${round}`, readFrom(successor))
    expect(books.lost.filter(id => !before.has(id))).toEqual([])
    expect([books.ghosts, books.doubled]).toEqual([[], []])
    await Promise.all([client.$close(), idle.client.$close()])
    await old.restart()
    await topology.settled()
    return { busyMs, idleMs, done: books.done, lostByReplication: books.lost.length, unknown: books.unknown }
  })
  const { busyMs, idleMs } = tell('Sentinel, kill -9 (down-after 1 s): writes again after', figures)
  expect(busyMs).toBeLessThan(4_000)
  expect(idleMs).toBeLessThan(4_000)
})

test('a planned failover', async () => {
  const figures = await inTurn(5, async round => {
    const { client } = await open({ url: topology.url })
    const ledger = ledgerOfTest()
    const once = loop(ledger, `planned${round}`, increments(client))
    const page = loop(ledger, `page${round}`, pages(client))
    await goOn([once, page])
    let gap = 0
    let last = { done: page.done, at: performance.now() }
    const watch = setInterval(() => {
      const now = performance.now()
      if (page.done > last.done) last = { done: page.done, at: now }
      gap = Math.max(gap, now - last.at)
    }, 5)
    const successor = await topology.failover()
    await goOn([once, page])
    clearInterval(watch)
    await Promise.all([once.stop(), page.stop()])
    const books = await audit(ledger, `planned${round}`, readFrom(successor))
    expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
    const pageErrors = [...ledger.ids('failed'), ...ledger.ids('unknown')].filter(id => id.startsWith('page')).length
    expect(pageErrors).toBe(0)
    await client.$close()
    await topology.settled()
    return { pauseMs: gap, done: books.done, lost: books.lost.length, unknown: books.unknown, pageErrors }
  })
  const { pauseMs } = tell('Sentinel, planned failover: longest pause between two writes', figures)
  expect(pauseMs).toBeLessThan(2_000)
})

test('a zombie master', async () => {
  const figures = await inTurn(5, async round => {
    const { client } = await open({ url: topology.url })
    const idle = await Promise.all(Array.from({ length: 10 }, () => open({ url: topology.url })))
    const ledger = ledgerOfTest()
    const frozen = await topology.master()
    await frozen.pause()
    const busy = loop(ledger, `zombie${round}.busy`, increments(client))
    const successor = await successorOf(topology, frozen)
    frozen.resume()
    const loops = idle.map(({ client }, at) => loop(ledger, `zombie${round}.idle${at}`, increments(client)))
    await goOn([busy, ...loops])
    const [role] = (await frozen.ask('ROLE')) as string[]
    expect(role).toBe('master')
    await Promise.all([busy, ...loops].map(({ stop }) => stop()))
    const books = await audit(ledger, `zombie${round}`, readFrom(successor))
    expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
    await Promise.all([client, ...idle.map(one => one.client)].map(one => one.$close()))
    await topology.settled()
    return { done: books.done, lost: books.lost.length, unknown: books.unknown, failed: books.failed }
  })
  tell('Sentinel, frozen and woken master: of the writes begun after the stop', figures)
})
