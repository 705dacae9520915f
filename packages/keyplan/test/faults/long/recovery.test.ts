import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { openBudget } from '../budget.ts'
import { runId } from '../evidence.ts'
import { median, report } from '../figures.ts'
import { openLedger } from '../ledger.ts'
import { proxiedClients } from '../proxied-client.ts'

const setup = proxiedClients({ appendonly: true })
const defaults = { backoff: { min: '50ms', max: '2s' } } as const

test('kill -9, two seconds, restart, five times: the first success, and what became of every write', async () => {
  const { server } = setup
  const { client } = await setup.openDirect(defaults)
  using ledger = openLedger()
  const list = client.raw.key({ id: 'list' })
  const budget = openBudget(5_000)
  let made = 0
  let stop = false
  const loop = async () => {
    while (!stop) {
      const id = `entry ${made++}`
      const write = () => budget.within(() => client.$command('RPUSH', [list, id]))
      if ((await ledger.run(id, write)) !== 'done') await sleep(20)
      else await sleep(2)
    }
  }
  const loops = Array.from({ length: 20 }, loop)
  const firsts: number[] = []
  for (let round = 0; round < 5; round++) {
    await sleep(2_500)
    const before = await runId(server)
    await server.kill()
    await sleep(2_000)
    await server.restart()
    const accepted = performance.now()
    expect(await runId(server)).not.toBe(before)
    await until(() => client.$command('ECHO', ['first']).catch(() => sleep(5)))
    firsts.push(performance.now() - accepted)
  }
  stop = true
  await Promise.all(loops)
  const there = (await server.ask('LRANGE', list, '0', '-1')) as string[]
  const present = new Set(there)
  const [done, failed, unknown] = [ledger.ids('done'), ledger.ids('failed'), ledger.ids('unknown')]
  report('kill -9 and restart', { 'first success, median ms': median(firsts), worst: Math.max(...firsts) })
  report('writes', { made, done: done.length, failed: failed.length, unknown: unknown.length })
  expect(done.filter(id => !present.has(id))).toEqual([])
  expect(failed.filter(id => present.has(id))).toEqual([])
  expect(there.length).toBe(present.size)
  expect(ledger.open()).toEqual([])
  expect(budget.worst).toBeLessThan(budget.limit)
})

test('an application that starts fifteen seconds before its server heals by itself', async () => {
  const { server } = setup
  await server.kill()
  const { client, lines } = await setup.openDirect(defaults)
  await sleep(15_000)
  expect(client.$status.state).toBe('reconnecting')
  await server.restart()
  const accepted = performance.now()
  await until(() => client.$status.state === 'connected')
  report('a server that came 15 s late', { 'found after ms': performance.now() - accepted, lines: lines.length })
  expect(lines.length).toBeLessThanOrEqual(2)
})

test('a hang of ten seconds ends every call in time, and the breaker keeps the others away', async () => {
  const { server } = setup
  const { client } = await setup.openDirect(defaults)
  const budget = openBudget(2_000)
  const codes: Record<string, number> = {}
  const calls: Promise<void>[] = []
  await server.pause()
  const flow = setInterval(() => {
    const call = budget.within(() => client.$command('INCR', [client.raw.key({ id: 'n' })], { deadline: '2s' }))
    calls.push(
      call.then(
        () => {},
        ({ code }) => {
          codes[code] = (codes[code] ?? 0) + 1
        },
      ),
    )
  }, 5)
  await sleep(10_000)
  clearInterval(flow)
  server.resume()
  const back = performance.now()
  await Promise.all(calls)
  await until(() => client.$status.state === 'connected')
  report('a hang of 10 s', { calls: calls.length, ...codes, 'closed after ms': performance.now() - back })
  expect(budget.worst).toBeLessThan(budget.limit)
  expect(codes.BREAKER_OPEN).toBeGreaterThan(500)
})
