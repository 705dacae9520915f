import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { timesRun } from './evidence.ts'
import { openLedger } from './ledger.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

test('a write that ran and was not acknowledged is told as unknown, and is not sent again by itself', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  using ledger = openLedger()
  const list = client.raw.key({ id: 'list' })
  const push = (id: string) => ledger.run(id, () => client.$command('RPUSH', [list, id]))
  await Promise.all(Array.from({ length: 20 }, (_, index) => push(`before ${index}`)))
  await proxy.swallowReplies()
  const lost = Promise.all(Array.from({ length: 20 }, (_, index) => push(`lost ${index}`)))
  await until(async () => (await server.ask('LLEN', list)) === 40)
  await until(() => proxy.totals.bytesSwallowed > 0)
  await proxy.pass()
  await lost
  await until(() => client.$status.state === 'connected')
  await Promise.all(Array.from({ length: 20 }, (_, index) => push(`after ${index}`)))

  const there = (await server.ask('LRANGE', list, '0', '-1')) as string[]
  expect(there.length).toBe(60)
  expect(new Set(there).size).toBe(60)
  expect(ledger.ids('done').filter(id => !there.includes(id))).toEqual([])
  expect(ledger.ids('failed')).toEqual([])
  expect(ledger.ids('unknown').length).toBeGreaterThan(0)
  expect(await timesRun(server, 'rpush')).toBe(60)
})

test('a transaction whose reply was lost has run once, whole', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  const [a, b] = [client.raw.key({ id: 'a' }), client.raw.key({ id: 'b' })]
  await proxy.swallowReplies()
  const both = client.$transaction([
    ['INCR', a],
    ['INCR', b],
  ])
  await until(() => proxy.totals.bytesSwallowed > 0)
  await until(async () => (await server.ask('GET', b)) === '1')
  await proxy.pass()
  await expect(both).rejects.toMatchObject({ outcome: 'unknown' })
  expect(await client.$command('MGET', [a, b])).toEqual(['1', '1'])
})

test('what may be repeated is, and ends as done with one effect', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  await proxy.swallowReplies()
  const write = client.note({ id: 1 }).set('kept')
  await until(() => proxy.totals.bytesSwallowed > 0)
  await proxy.pass()
  expect(await write).toBe('done')
  expect(await client.note({ id: 1 }).get()).toBe('kept')
  expect(await server.ask('DBSIZE')).toBeGreaterThan(0)
})

test('a lock whose acknowledgement was lost is held by who asked, once, or comes free', async () => {
  const { proxy } = setup
  const { client } = await setup.open()
  const other = await setup.openDirect()
  await proxy.swallowReplies()
  const asked = client.desk({ id: 1 }).tryAcquire()
  await until(async () => (await other.client.desk({ id: 1 }).inspect()).locked)
  await until(() => proxy.totals.bytesSwallowed > 0)
  await proxy.pass()
  const held = await asked
  expect(held).toBeDefined()
  expect(await other.client.desk({ id: 1 }).tryAcquire()).toBeUndefined()
  expect(await held?.release()).toBe(true)
  const next = await other.client.desk({ id: 1 }).tryAcquire()
  expect(next?.fence).toBeGreaterThan(held?.fence ?? 0n)
  await next?.release()
})

test('a unit whose acknowledgement was lost is counted once', async () => {
  const { proxy } = setup
  const { client } = await setup.open()
  const other = await setup.openDirect()
  await client.visits({ id: 1 }).consume()
  await proxy.swallowReplies()
  const answer = client.visits({ id: 1 }).consume()
  await until(async () => (await other.client.visits({ id: 1 }).peek()).remaining === 998)
  await until(() => proxy.totals.bytesSwallowed > 0)
  await proxy.pass()
  // Nobody knows whether it ran, so the declared answer for an outage is given.
  expect(await answer).toMatchObject({ allowed: false, degraded: true })
  await until(() => client.$status.state === 'connected')
  expect(await client.visits({ id: 1 }).peek()).toMatchObject({ remaining: 998 })
})
