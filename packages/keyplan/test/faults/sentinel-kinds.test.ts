import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { open } from './failover-client.ts'
import { keepPromises } from './failover-kinds.ts'
import { successorOf } from './successor.ts'

let topology: SentinelTopology
beforeAll(async () => {
  topology = await startSentinel()
}, 60_000)
afterAll(() => topology.stop())

test('over a planned failover locks exclude, limits hold, and what was deleted stays deleted', {
  timeout: 60_000,
}, async () => {
  const opened = await Promise.all([1, 2, 3].map(() => open({ url: topology.url })))
  await keepPromises(
    opened.map(({ client }) => client),
    () => topology.failover(),
  )
  await topology.settled()
})

test('what a killed master had acknowledged and its replicas never got: deletes are done again, fences still grow', {
  timeout: 60_000,
}, async () => {
  const { client } = await open({ url: topology.url })
  const other = await open({ url: topology.url })
  const ids = Array.from({ length: 20 }, (_, index) => `cut${index}`)
  await Promise.all(ids.map(id => client.copy({ id }).set('old')))
  const master = await topology.master()
  await until(async () => {
    const [, offset, replicas] = (await master.ask('ROLE')) as [string, number, string[][]]
    return replicas.length === 2 && replicas.every(([, , at]) => Number(at) >= offset)
  })
  // From here on the replicas are not let in any more, and get nothing.
  await master.ask('CONFIG', 'SET', 'requirepass', 'not for replicas')
  const connection = await master.connect()
  await connection.ask('AUTH', 'not for replicas')
  await connection.ask('CLIENT', 'KILL', 'TYPE', 'replica')
  expect(await Promise.all(ids.map(id => client.copy({ id }).delete()))).toEqual(ids.map(() => 'done'))
  const before = await client.door({ id: 'fenced' }).run(({ fence }) => fence)
  const lost = client.raw.key({ id: 'lost' })
  expect(await client.$command('INCR', [lost])).toBe(1)
  connection.close()
  await master.kill()

  await until(() => client.$status.state === 'connected' && client.$status.server !== `127.0.0.1:${master.port}`)
  const successor = await successorOf(topology, master)
  // It was acknowledged, and is gone: what asynchronous replication costs.
  expect(await successor.ask('GET', lost)).toBe(null)
  expect(await Promise.all(ids.map(id => client.copy({ id }).get()))).toEqual(ids.map(() => undefined))
  await until(() => other.client.$status.state === 'connected')
  expect(await Promise.all(ids.map(id => other.client.copy({ id }).get()))).toEqual(ids.map(() => undefined))
  expect(await client.door({ id: 'fenced' }).run(({ fence }) => fence)).toBeGreaterThan(before)
  await master.restart()
  await topology.settled()
})
