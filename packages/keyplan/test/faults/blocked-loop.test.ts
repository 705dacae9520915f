import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { timesRun } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

/** Busy without a pause, as a handler that computes. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('a process that computed for three seconds finds Redis well, and its answers where they are', async () => {
  const { server } = setup
  const { client, told } = await setup.openDirect()
  const unwritten = Promise.all(Array.from({ length: 50 }, (_, index) => client.$command('ECHO', [`${index}`])))
  block(3_000)
  expect((await unwritten).at(-1)).toBe('49')

  const key = client.raw.key({ id: 'n' })
  const written = Promise.all(Array.from({ length: 50 }, () => client.$command('INCR', [key])))
  await new Promise(resolve => setImmediate(resolve))
  block(3_000)
  expect((await written).at(-1)).toBe(50)
  expect(await timesRun(server, 'incr')).toBe(50)
  expect([told, client.$status.state, client.$status.breaker]).toEqual([[], 'connected', 'closed'])
})

test('who held a lock meanwhile knows that it is lost before it asks anybody', async () => {
  const { server } = setup
  const { client, told } = await setup.openDirect()
  const held = await client.desk({ id: 1 }).acquire()
  const key = String(((await server.ask('KEYS', 'desk*')) as string[])[0])
  expect(await server.ask('EXISTS', key)).toBe(1)
  block(3_000)
  expect(held?.remaining()).toBe(0)
  const other = await setup.openDirect()
  const next = await other.client.desk({ id: 1 }).tryAcquire()
  expect(next?.fence).toBeGreaterThan(held?.fence ?? 0n)
  await until(() => held?.signal.aborted)
  expect(await held?.release()).toBe(false)
  expect((await other.client.desk({ id: 1 }).inspect()).locked).toBe(true)
  await next?.release()
  expect(told.filter(event => event !== 'notice')).toEqual([])
})
