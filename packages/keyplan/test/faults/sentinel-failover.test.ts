import { type RedisProcess, type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { audit, goOn, increments, ledgerOfTest, loop, open, pages } from './failover-client.ts'
import { successorOf } from './successor.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())

const readFrom = (master: RedisProcess) => async (ids: readonly string[]) =>
  (await master.ask('MGET', ...ids.map(id => `raw:${id}`))) as unknown[]

const sentinelLog = () => topology.sentinels.flatMap(sentinel => sentinel.log(1_000)).join('\n')

test('kill -9 of the master: busy and idle clients find its successor, and the books are right', {
  timeout: 60_000,
}, async () => {
  const { client, lines, failovers, told } = await open({ url: topology.url })
  const idle = await Promise.all([1, 2, 3].map(() => open({ url: topology.url })))
  const reconnecting = told('reconnecting')
  const ledger = ledgerOfTest()
  const budget = openBudget(5_000)
  const increment = increments(client)
  const loops = [0, 1, 2, 3].map(name => loop(ledger, `busy${name}`, id => budget.within(() => increment(id))))
  await goOn(loops)

  const old = await topology.master()
  await old.kill()
  const before = new Set([...ledger.ids('done'), ...ledger.open()])
  await until(() => client.$status.state === 'reconnecting')
  expect(client.$status.error?.code).toMatch(/DISCONNECTED|MASTER_DOWN/)
  await goOn(loops)
  const successor = await successorOf(topology, old)
  await Promise.all(idle.map(({ client }, index) => client.$command('INCR', [client.raw.key({ id: `idle${index}` })])))
  await Promise.all(loops.map(({ stop }) => stop()))

  expect(successor).not.toBe(old)
  expect(sentinelLog()).toContain(`+switch-master mymaster 127.0.0.1 ${old.port} 127.0.0.1 ${successor.port}`)
  const books = await audit(ledger, 'busy', readFrom(successor))
  expect(books.lost.filter(id => !before.has(id))).toEqual([])
  expect([books.ghosts, books.doubled, ledger.open()]).toEqual([[], [], []])
  expect(budget.worst).toBeLessThan(budget.limit)
  for (const one of [{ client, failovers, lines }, ...idle]) {
    expect(one.client.$status).toMatchObject({ state: 'connected', server: `127.0.0.1:${successor.port}` })
    expect(one.failovers).toEqual([{ server: `127.0.0.1:${successor.port}`, from: `127.0.0.1:${old.port}` }])
    // Connected, lost, replaced, connected.
    expect(one.lines.length).toBe(4)
  }
  expect(reconnecting.length).toBe(1)
  await old.restart()
  await topology.settled()
})

test('a planned failover loses nothing that was acknowledged, and costs idempotent operations no error', {
  timeout: 60_000,
}, async () => {
  const { client, failovers } = await open({ url: topology.url })
  const ledger = ledgerOfTest()
  const loops = [
    ...[0, 1].map(name => loop(ledger, `once${name}`, increments(client))),
    ...[0, 1].map(name => loop(ledger, `page${name}`, pages(client))),
  ]
  await goOn(loops)
  const old = await topology.master()
  const successor = await topology.failover()
  await goOn(loops)
  await Promise.all(loops.map(({ stop }) => stop()))

  expect(sentinelLog()).toContain(`+promoted-slave slave 127.0.0.1:${successor.port}`)
  const pageErrors = [...ledger.ids('failed'), ...ledger.ids('unknown')].filter(id => id.startsWith('page'))
  expect(pageErrors).toEqual([])
  const books = await audit(ledger, 'once', readFrom(successor))
  expect([books.lost, books.ghosts, books.doubled]).toEqual([[], [], []])
  expect(failovers).toEqual([{ server: `127.0.0.1:${successor.port}`, from: `127.0.0.1:${old.port}` }])
  await topology.settled()
})
