import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { infoFigure } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

/** What keeps this process busy, by kind. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

test('a server that comes and goes leaves no socket, timer or line behind, and each flap costs one connection', async () => {
  const { server, proxy } = setup
  const { client, lines, told } = await setup.open({ backoff: { min: '5ms', max: '10ms' } })
  const held = await client.desk({ id: 1 }).acquire()
  const waiter = client
    .desk({ id: 1 })
    .acquire({ wait: '1m' })
    .catch(() => undefined)
  await until(() => proxy.connections === 2)
  const flap = async () => {
    const before = told.filter(event => event === 'connected').length
    await proxy.refuse()
    await until(() => client.$status.state === 'reconnecting')
    const calls = Array.from({ length: 20 }, (_, index) =>
      client
        .note({ id: index })
        .get()
        .catch(() => {}),
    )
    await proxy.pass()
    await until(() => told.filter(event => event === 'connected').length > before)
    await Promise.all(calls)
    await until(() => proxy.connections === 2)
  }
  await flap()
  const baseline = resources()
  const taken = proxy.totals.connections
  for (let count = 0; count < 40; count++) await flap()
  // Two links each time, and here and there one that the next flap met in its handshake.
  expect(proxy.totals.connections - taken).toBeGreaterThanOrEqual(80)
  expect(proxy.totals.connections - taken).toBeLessThanOrEqual(125)
  expect(await infoFigure(server, 'stats', 'total_connections_received')).toBeGreaterThan(40)
  await until(() => {
    const now = resources()
    return ['TCPSocketWrap', 'Timeout', 'TCPConnectWrap'].every(kind => (now[kind] ?? 0) <= (baseline[kind] ?? 0) + 1)
  })
  expect(lines.length).toBeLessThanOrEqual(6)
  await held?.release()
  await (await waiter)?.release()
})
