import { expect, test } from 'vitest'
import { until } from '../live-server.ts'
import { openBudget } from './budget.ts'
import { infoFigure, timesRun } from './evidence.ts'
import { proxiedClients } from './proxied-client.ts'

const setup = proxiedClients()

test('a slow network delays calls and opens nothing; a deadline below the delay is kept all the same', async () => {
  const { server, proxy } = setup
  const { client, told } = await setup.open()
  await proxy.delay({ up: 150, down: 150 })
  const key = client.raw.key({ id: 'n' })
  const hasty = openBudget(200)
  const calls = Promise.all(Array.from({ length: 200 }, () => client.$command('INCR', [key])))
  const late = await Promise.allSettled(
    Array.from({ length: 20 }, () => hasty.within(() => client.$command('INCR', [key], { deadline: '200ms' }))),
  )
  expect((await calls).at(-1)).toBe(200)
  expect(late).toMatchObject(Array(20).fill({ reason: { code: 'TIMEOUT', outcome: 'unknown' } }))
  expect(hasty.worst).toBeLessThan(hasty.limit)
  for (let call = 0; call < 3; call++) await client.note({ id: call }).set('slow')
  // Unknown they were, and run they have.
  expect(await server.ask('GET', key)).toBe('220')
  expect(client.$status).toMatchObject({ state: 'connected', breaker: 'closed' })
  expect([told, proxy.totals.connections]).toEqual([[], 1])
})

test('a large reply over a narrow line arrives, if a try may take as long as that', async () => {
  const { proxy } = setup
  const { client, told } = await setup.open({ attempt: '4s' })
  const large = 'x'.repeat(60_000)
  await client.note({ id: 'large' }).set(large)
  const before = proxy.totals.bytesDown
  // 256 kbit/s.
  await proxy.trickle({ bytes: 320, every: 10 })
  const [value, behind] = await Promise.all([client.note({ id: 'large' }).get(), client.$command('ECHO', ['behind'])])
  expect(value).toBe(large)
  expect(behind).toBe('behind')
  expect(proxy.totals.bytesDown - before).toBeGreaterThan(60_000)
  expect([told, client.$status.breaker, proxy.totals.connections]).toEqual([[], 'closed', 1])
})

test('a reply that trickles for ever ends by the deadline of the call, though bytes keep coming', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  await client.note({ id: 'large' }).set('x'.repeat(20_000))
  await proxy.trickle({ bytes: 1, every: 2 })
  const budget = openBudget(900)
  const before = proxy.totals.bytesDown
  const read = budget.within(() => client.note({ id: 'large' }).get({ deadline: '900ms' }))
  await expect(read).rejects.toMatchObject({ code: 'TIMEOUT' })
  expect(budget.worst).toBeLessThan(budget.limit)
  expect(proxy.totals.bytesDown - before).toBeGreaterThan(50)
  expect(proxy.totals.bytesDown - before).toBeLessThan(5_000)
  await proxy.pass()
  // The rest of the late reply is thrown away, and the next caller has its own.
  expect(await client.$command('ECHO', ['mine'])).toBe('mine')
  expect(proxy.totals.connections).toBe(1)
  expect(await infoFigure(server, 'stats', 'total_error_replies')).toBe(0)
  expect(await timesRun(server, 'echo')).toBe(1)
})

test('on a link that is silent a bounded number of calls is under way, a bounded number waits, the rest is refused', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open({ deadline: '2s', inFlight: 100, waiting: { calls: 200 } })
  await proxy.blackhole()
  const budget = openBudget(2_000)
  const key = client.raw.key({ id: 'n' })
  const ends: Record<string, number> = {}
  const calls = Array.from({ length: 1_000 }, () =>
    budget
      .within(() => client.$command('INCR', [key]))
      .catch(({ code, outcome }) => {
        ends[`${code} ${outcome}`] = (ends[`${code} ${outcome}`] ?? 0) + 1
      }),
  )
  await Promise.all(calls)
  expect(budget.worst).toBeLessThan(budget.limit)
  expect(ends['OVERLOADED not-executed']).toBe(700)
  const written = 1_000 - Object.entries(ends).reduce((sum, [end, n]) => (/not-executed/.test(end) ? sum + n : sum), 0)
  expect(written).toBe(100)
  // What lay in the way arrives after all: the calls that were written, and no others.
  await proxy.pass()
  await until(() => client.$status.state === 'connected')
  expect(Number(await client.$command('GET', [key]))).toBeLessThanOrEqual(100)
  expect(await timesRun(server, 'incr')).toBeLessThanOrEqual(100)
})
