import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { infoFigure, serverLinks } from './evidence.ts'
import { openLedger } from './ledger.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

/** Counts the connections to a port that this process has tried in vain. */
function refusals(port: number): () => number {
  let count = 0
  const watch = (message: unknown) => {
    const { socket } = message as { socket: Socket }
    socket.once('error', error => {
      if ('port' in error && error.port === port) count++
    })
  }
  subscribe('net.client.socket', watch)
  onTestFinished(() => void unsubscribe('net.client.socket', watch))
  return () => count
}

test('a reset of all connections ends what is in flight as unknown, and costs one connection for each', async () => {
  const { server, proxy } = setup
  const { client, told } = await setup.open()
  // A second link: the one on which a waiter hears of a release.
  const held = await client.desk({ id: 1 }).acquire()
  const waiter = client.desk({ id: 1 }).acquire({ wait: '20s' })
  await until(async () => (await serverLinks(server, 'subscriber')).length === 1)
  expect(proxy.totals.connections).toBe(2)

  using ledger = openLedger()
  await proxy.swallowReplies()
  const writes = Array.from({ length: 50 }, (_, index) =>
    ledger.run(`n${index}`, () => client.$command('INCR', [client.raw.key({ id: `n${index}` })])),
  )
  // Fifty times `:1` and a line break, and what the waiter was told.
  await until(() => proxy.totals.bytesSwallowed >= 50 * 4)
  proxy.drop()
  await proxy.pass()
  // All of them are one loss: it opens no breaker, and what may be repeated never learns of it.
  const read = client.note({ id: 1 }).get()
  expect(new Set(await Promise.all(writes))).toEqual(new Set(['unknown']))
  expect(await read).toBeUndefined()
  for (let index = 0; index < 50; index++) {
    expect(await server.ask('GET', client.raw.key({ id: `n${index}` }))).toBe('1')
  }
  await until(async () => (await serverLinks(server, 'subscriber')).length === 1)
  expect(proxy.totals.connections).toBe(4)
  expect(told.filter(event => event !== 'gap')).toEqual(['reconnecting', 'connected'])
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  await held?.release()
  await (await waiter)?.release()
})

test('a server that resets whoever comes is asked rarely and by one alone, and is told of in one line', async () => {
  const { server, proxy } = setup
  const { client, lines, told } = await setup.open({ backoff: { min: '50ms', max: '2s' } })
  const waiting = client
    .desk({ id: 1 })
    .acquire({ wait: '1m' })
    .then(held => held?.release())
  await waiting
  const before = await infoFigure(server, 'stats', 'total_connections_received')
  await proxy.reset()
  await until(() => client.$status.state === 'reconnecting')
  const budget = openBudget(200)
  const began = performance.now()
  while (performance.now() - began < 4_000) {
    await budget.within(() => client.note({ id: 1 }).get({ deadline: '200ms' })).catch(() => {})
    await sleep(20)
  }
  // The delays double from 50 ms to 2 s, less a quarter at most.
  expect(proxy.totals.turnedAway).toBeGreaterThan(3)
  expect(proxy.totals.turnedAway).toBeLessThanOrEqual(9)
  expect(lines.filter(line => line.startsWith('warn lost the connection')).length).toBe(1)
  expect(lines.filter(line => !/circuit breaker/.test(line)).length).toBe(2)
  expect(budget.worst).toBeLessThan(budget.limit)
  await proxy.pass()
  await until(() => client.$status.state === 'connected')
  // The evidence itself takes one connection.
  expect((await infoFigure(server, 'stats', 'total_connections_received')) - before).toBeLessThanOrEqual(3)
  expect(told.filter(event => event === 'connected').length).toBe(1)
})

test('a port that refuses is asked by one scout, however many links there were', async () => {
  const { proxy } = setup
  const { client, lines } = await setup.open({ backoff: { min: '50ms', max: '2s' } })
  const held = await client.desk({ id: 1 }).acquire()
  const waiter = client.desk({ id: 1 }).acquire({ wait: '1m' })
  await until(() => proxy.connections === 2)
  const refused = refusals(proxy.port)
  await proxy.refuse()
  await sleep(3_500)
  expect(refused()).toBeGreaterThan(3)
  expect(refused()).toBeLessThanOrEqual(8)
  expect(lines.filter(line => line.startsWith('warn') && !/circuit breaker/.test(line)).length).toBeLessThanOrEqual(2)
  await proxy.pass()
  await until(() => proxy.connections === 2)
  await held?.release()
  await (await waiter)?.release()
})
