import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { startClientProcess } from '../client-process.ts'
import { infoFigure } from '../evidence.ts'
import { report } from '../figures.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

interface Census {
  readonly heap: number
  readonly resources: Readonly<Record<string, number>>
  readonly listeners: number
}

test('500 flaps leave heap, sockets, timers and listeners where they were', async () => {
  await using proxy = await startProxy({ to: server.port })
  const process = await startClientProcess({
    url: `redis://127.0.0.1:${proxy.port}`,
    connect: { backoff: { min: '10ms', max: '20ms' } },
    flags: ['--expose-gc'],
  })
  const flap = async () => {
    await proxy.refuse()
    const load = process.ask('load', 50)
    await sleep(100)
    await proxy.pass()
    await sleep(200)
    await load
  }
  const census = async () => {
    await until(async () => (await process.ask('status')).state === 'connected')
    await process.ask('load', 50)
    // What was remembered of the last flap for a few seconds has its timers.
    await sleep(6_000)
    return (await process.ask('census')) as unknown as Census
  }
  for (let count = 0; count < 50; count++) await flap()
  const before = await census()
  const taken = proxy.totals.connections
  for (let count = 0; count < 500; count++) await flap()
  const after = await census()
  const status = await process.ask('status')

  report('500 flaps', {
    connections: proxy.totals.connections - taken,
    'heap before, MB': before.heap / 1e6,
    'heap after, MB': after.heap / 1e6,
    'change, %': (100 * (after.heap - before.heap)) / before.heap,
    'listeners before': before.listeners,
    'listeners after': after.listeners,
    lines: Number(status.lines),
  })
  report('resources before', before.resources)
  report('resources after', after.resources)
  expect(proxy.totals.connections - taken).toBeGreaterThanOrEqual(450)
  expect(await infoFigure(server, 'stats', 'total_connections_received')).toBeGreaterThan(450)
  expect(Math.abs(after.heap - before.heap)).toBeLessThan(before.heap / 10)
  expect([after.resources, after.listeners]).toEqual([before.resources, before.listeners])
  expect(process.told.filter(said => 'uncaught' in said)).toEqual([])
})
