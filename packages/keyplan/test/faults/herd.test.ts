import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { infoFigure, serverLinks } from './evidence.ts'
import { proxiedClients, type Watched } from './proxied-client.ts'

const setup = proxiedClients()
const clients = 12
const keys = 5

test('after an outage each client makes one connection, and no key is loaded more than once by each', async () => {
  const { server } = setup
  const all: Watched[] = []
  for (let count = 0; count < clients; count++) {
    all.push(await setup.openDirect({ backoff: { min: '50ms', max: '500ms' } }))
  }
  await server.kill()
  await until(() => all.every(({ client }) => client.$status.state === 'reconnecting'))
  await sleep(1_000)
  await server.restart()
  await until(() => all.every(({ client }) => client.$status.state === 'connected'))

  let loads = 0
  const read = ({ client }: Watched, id: number) =>
    client.page({ id }).getOrLoad(async () => {
      loads++
      await sleep(20)
      return { text: `page ${id}` }
    })
  const reads = all.flatMap(watched =>
    Array.from({ length: keys * 20 }, (_, index) => read(watched, index % keys).then(page => page?.text)),
  )
  expect(new Set(await Promise.all(reads)).size).toBe(keys)
  expect(loads).toBeLessThanOrEqual(keys * clients)
  expect((await serverLinks(server, 'commands')).length).toBe(clients)
  expect(await infoFigure(server, 'stats', 'rejected_connections')).toBe(0)
  // One each, the readiness checks of the restart, and the questions of this test.
  expect(await infoFigure(server, 'stats', 'total_connections_received')).toBeLessThan(clients * 2 + 20)
  for (const { lines } of all) expect(lines.filter(line => /lost|cannot/.test(line)).length).toBe(1)
})
