import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { type ClientProcess, startClientProcess } from '../client-process.ts'
import { infoFigure } from '../evidence.ts'
import { quantile, report } from '../figures.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const bin = 50

test('fifty processes come back after ten seconds without a storm, each with few attempts and few lines', async () => {
  await using proxy = await startProxy({ to: server.port })
  const url = `redis://127.0.0.1:${proxy.port}`
  const processes: ClientProcess[] = []
  for (let count = 0; count < 50; count += 5) {
    processes.push(...(await Promise.all(Array.from({ length: 5 }, () => startClientProcess({ url })))))
  }
  await until(() => proxy.connections === 50)
  const before = proxy.totals.connections
  // Connections are taken by the proxy, counted, and end at once, as nothing listens behind it.
  await server.kill()
  await sleep(10_000)
  const attempts = proxy.totals.connections - before
  const began = performance.timeOrigin + performance.now()
  await server.restart()
  const connected = (told: ClientProcess['told']) =>
    told.flatMap(said => (Number(said.connected) > began ? Number(said.connected) : []))
  await until(() => processes.every(({ told }) => connected(told).length > 0))
  const times = processes.map(({ told }) => (connected(told)[0] ?? 0) - began)
  const bins: Record<string, number> = {}
  for (const time of times) {
    const name = `${Math.floor(time / bin) * bin}`
    bins[name] = (bins[name] ?? 0) + 1
  }
  const lines = await Promise.all(processes.map(async process => Number((await process.ask('status')).lines)))
  report('reconnects after ms, in bins of 50', bins)
  report('fifty processes, an outage of 10 s', {
    'most in one bin, %': (100 * Math.max(...Object.values(bins))) / 50,
    'first ms': Math.min(...times),
    'median ms': quantile(times, 0.5),
    'last ms': Math.max(...times),
    'attempts of each in 10 s': attempts / 50,
    'lines of each, at most': Math.max(...lines),
    rejected: await infoFigure(server, 'stats', 'rejected_connections'),
  })
  expect(Math.max(...Object.values(bins))).toBeLessThanOrEqual(15)
  expect(attempts / 50).toBeLessThanOrEqual(12)
  expect(Math.max(...lines)).toBeLessThanOrEqual(3)
  expect(processes.flatMap(({ told }) => told.filter(said => 'uncaught' in said))).toEqual([])
})

test('a minute without a server: attempts and lines of five processes', async () => {
  await using proxy = await startProxy({ to: server.port })
  const url = `redis://127.0.0.1:${proxy.port}`
  const processes = await Promise.all(Array.from({ length: 5 }, () => startClientProcess({ url })))
  const linesBefore = await Promise.all(processes.map(async process => Number((await process.ask('status')).lines)))
  const before = proxy.totals.connections
  await server.kill()
  await sleep(60_000)
  const attempts = (proxy.totals.connections - before) / processes.length
  const lines = await Promise.all(processes.map(async process => Number((await process.ask('status')).lines)))
  report('a minute without a server', {
    'attempts of each': attempts,
    'lines of each, at most': Math.max(...lines.map((count, index) => count - (linesBefore[index] ?? 0))),
  })
  await server.restart()
  expect(attempts).toBeLessThanOrEqual(40)
  for (const [index, count] of lines.entries()) expect(count - (linesBefore[index] ?? 0)).toBeLessThanOrEqual(2)
})
