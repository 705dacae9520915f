import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { serverLinks } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

test('a server that closes idle connections costs no call, and the log hardly a line', async () => {
  const { server } = setup
  const { client, lines, told } = await setup.openDirect()
  const [first] = await serverLinks(server, 'commands')
  await server.ask('CONFIG', 'SET', 'timeout', '1')
  const errors: unknown[] = []
  for (let round = 0; round < 4; round++) {
    const before = told.filter(event => event === 'connected').length
    await until(() => told.filter(event => event === 'connected').length > before)
    for (let call = 0; call < 20; call++) {
      await client.$command('INCR', [client.raw.key({ id: 'n' })]).catch(error => errors.push(error))
    }
  }
  await server.ask('CONFIG', 'SET', 'timeout', '0')
  expect(errors).toEqual([])
  expect(await server.ask('GET', client.raw.key({ id: 'n' }))).toBe('80')
  const [last] = await serverLinks(server, 'commands')
  expect(Number(last?.id)).toBeGreaterThan(Number(first?.id))
  // One of the start, and of all that followed at most two a minute.
  expect(lines.length).toBeLessThanOrEqual(3)
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
})

test('who waits for a notice hears it, though idle connections are closed', async () => {
  const { server } = setup
  const { client } = await setup.openDirect()
  const other = await setup.openDirect()
  await server.ask('CONFIG', 'SET', 'timeout', '1')
  const held = await other.client.desk({ id: 1 }).acquire()
  const waiting = client.desk({ id: 1 }).acquire({ wait: '20s' })
  await sleep(3_000)
  // Who holds a lock listens as well: it may be taken by force.
  expect((await serverLinks(server, 'subscriber')).length).toBe(2)
  expect(await held?.release()).toBe(true)
  const next = await waiting
  expect(next?.remaining()).toBeGreaterThan(0)
  await server.ask('CONFIG', 'SET', 'timeout', '0')
  await next?.release()
})
