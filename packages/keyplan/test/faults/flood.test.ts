import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { timesRun } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

test('of a flood of writes to a server that is away a bounded number waits, in order, and the rest is refused', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open({ waiting: { calls: 500, bytes: '1mb' }, deadline: '20s' })
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  const list = client.raw.key({ id: 'list' })
  const kept: Promise<unknown>[] = []
  const refused: Promise<unknown>[] = []
  const began = process.memoryUsage().heapUsed
  for (let index = 0; index < 20_000; index++) {
    const write = client.$command('RPUSH', [list, index])
    ;(index < 500 ? kept : refused).push(write)
  }
  const ends = await Promise.allSettled(refused)
  const codes = new Set(ends.map(end => (end.status === 'rejected' ? end.reason.code : 'done')))
  expect([...codes]).toEqual(['OVERLOADED'])
  expect(process.memoryUsage().heapUsed - began).toBeLessThan(200_000_000)

  await proxy.pass()
  await Promise.all(kept)
  expect(await server.ask('LRANGE', list, '0', '-1')).toEqual(Array.from({ length: 500 }, (_, index) => `${index}`))
  expect(await timesRun(server, 'rpush')).toBe(500)
  // An overload is the caller's, and speaks against no server.
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
})

test('what waits is bounded by its bytes as well', async () => {
  const { proxy } = setup
  const { client } = await setup.open({ waiting: { calls: 500, bytes: '1mb' }, deadline: '20s' })
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  const large = 'x'.repeat(100_000)
  const writes = Array.from({ length: 40 }, (_, index) =>
    client.$command('SET', [client.raw.key({ id: index }), large]),
  )
  const ends = Promise.allSettled(writes)
  await proxy.pass()
  const codes = (await ends).map(end => (end.status === 'rejected' ? end.reason.code : 'done'))
  expect(codes.filter(code => code === 'done').length).toBe(10)
  expect(codes.slice(0, 10)).toEqual(Array(10).fill('done'))
  expect(codes.slice(10)).toEqual(Array(30).fill('OVERLOADED'))
})

test('a write that waited until its deadline is never sent: it overwrites nothing newer', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  const other = await setup.openDirect()
  const key = client.raw.key({ id: 'k' })
  await other.client.note({ id: 1 }).set('first')
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  const budget = openBudget(300)
  const stale = await Promise.allSettled([
    budget.within(() => client.$command('SET', [key, 'old'], { deadline: '300ms' })),
    budget.within(() => client.note({ id: 1 }).set('old', { deadline: '300ms' })),
  ])
  expect(stale).toMatchObject(Array(2).fill({ status: 'rejected', reason: { outcome: 'not-executed' } }))
  expect(budget.worst).toBeLessThan(budget.limit)
  await other.client.$command('SET', [key, 'new'])
  await other.client.note({ id: 1 }).set('new')
  await server.ask('CONFIG', 'RESETSTAT')
  await proxy.pass()
  await until(() => client.$status.state === 'connected')
  expect(await client.$command('GET', [key])).toBe('new')
  expect(await other.client.note({ id: 1 }).get()).toBe('new')
  expect(await timesRun(server, 'set')).toBe(0)
})

test('a delete that could not be done is made good before the first read, and brings nothing back', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  await client.page({ id: 1 }).set({ text: 'old' })
  await proxy.refuse()
  await until(() => client.$status.state === 'reconnecting')
  expect(await client.page({ id: 1 }).delete()).toBe('owed')
  expect(await client.page({ id: 1 }).get()).toBeUndefined()
  await proxy.pass()
  await until(() => client.$status.state === 'connected')
  expect(await client.page({ id: 1 }).get()).toBeUndefined()
  expect(await server.ask('GET', 'page:1')).toBe(null)
})
