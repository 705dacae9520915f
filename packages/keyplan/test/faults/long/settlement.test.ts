import { randomUUID } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Fault } from '@keyplan/local'
import { expect, test } from 'vitest'
import { until } from '../../live-server.ts'
import { openBudget } from '../budget.ts'
import { timesRun } from '../evidence.ts'
import { quantile, report } from '../figures.ts'
import { proxiedClients } from '../proxied-client.ts'

const setup = proxiedClients()

const faults: readonly Fault[] = [
  { kind: 'pass' },
  { kind: 'refuse' },
  { kind: 'reset' },
  { kind: 'blackhole' },
  { kind: 'delay', up: 40, down: 120 },
  { kind: 'swallowReplies' },
  { kind: 'cut', after: 400 },
  { kind: 'corrupt' },
  { kind: 'trickle', bytes: 64, every: 2 },
]

const total = 100_000
const deadlines = [60, 300, 1_000, 2_500] as const

test('100,000 calls under faults at random settle in time, each with its own answer or none', async () => {
  const { server, proxy } = setup
  const { client } = await setup.open()
  const budgets = new Map(deadlines.map(deadline => [deadline, openBudget(deadline)]))
  const overdue: number[] = []
  const ends: Record<string, number> = {}
  let wrong = 0
  let tooLate = 0
  const one = async (index: number) => {
    const deadline = deadlines[index % deadlines.length] ?? 300
    const word = randomUUID()
    const leaving = new AbortController()
    if (index % 11 === 0) setTimeout(() => leaving.abort(), index % 50)
    const options = { deadline: `${deadline}ms`, signal: leaving.signal } as const
    const begun = performance.now()
    let end = 'done'
    try {
      await budgets.get(deadline)?.within(async () => {
        if (index % 3 === 0) await client.$command('INCR', [client.raw.key({ id: index % 97 })], options)
        else if ((await client.$command('ECHO', [word], options)) !== word) wrong++
      })
    } catch (error) {
      end = (error as { code: string }).code
    }
    const after = performance.now() - begun - deadline
    overdue.push(after)
    if (after > Math.max(50, deadline / 10)) tooLate++
    ends[end] = (ends[end] ?? 0) + 1
  }

  const loop = monitorEventLoopDelay({ resolution: 5 })
  loop.enable()
  let over = false
  const seen: Record<string, number> = {}
  const trouble = (async () => {
    while (!over) {
      const fault = faults[Math.floor(Math.random() * faults.length)] ?? { kind: 'pass' }
      seen[fault.kind] = (seen[fault.kind] ?? 0) + 1
      await proxy.apply(fault)
      await sleep(50 + Math.random() * 700)
      await proxy.pass()
      await sleep(Math.random() * 300)
    }
  })()
  let made = 0
  const workers = Array.from({ length: 120 }, async () => {
    while (made < total) {
      await one(made++)
      // An open breaker answers at once; a caller has something else to do as well.
      await sleep(1)
    }
  })
  await Promise.all(workers)
  over = true
  await trouble
  report('100,000 calls', { ...ends, wrong, 'INCR run by the server': await timesRun(server, 'incr') })
  report('faults', seen)
  report('after the deadline, ms', {
    p99: quantile(overdue, 0.99),
    'p99.99': quantile(overdue, 0.9999),
    worst: quantile(overdue, 1),
    'later than 50 ms or a tenth': tooLate,
    'longest turn of the event loop': loop.max / 1e6,
  })
  expect(wrong).toBe(0)
  expect(Object.values(ends).reduce((sum, count) => sum + count)).toBe(total)
  for (const budget of budgets.values()) {
    expect(budget.open).toBe(0)
    // Nobody can be told anything while this process does something else.
    expect(budget.worst).toBeLessThan(budget.limit + loop.max / 1e6)
  }
  await until(() => client.$status.state === 'connected')
  const increments = Number(ends.done ?? 0)
  expect(increments).toBeGreaterThan(1_000)
})

test('of 12,000 calls whose replies are late, aborted or both, none gets the reply of another', async () => {
  const { proxy } = setup
  const { client, told } = await setup.open({ stall: '3s' })
  let wrong = 0
  let answered = 0
  for (let round = 0; round < 60; round++) {
    await proxy.delay({ down: round % 2 === 0 ? 800 : 0 })
    await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const word = randomUUID()
        const leaving = new AbortController()
        if (index % 3 === 0) setTimeout(() => leaving.abort(), index)
        const options = { deadline: '500ms', signal: leaving.signal } as const
        const reply = await client.$command('ECHO', [word], options).catch(() => undefined)
        if (reply !== undefined) answered++
        if (reply !== undefined && reply !== word) wrong++
      }),
    )
  }
  report('12,000 delayed and aborted calls', { answered, wrong, connections: proxy.totals.connections })
  expect(wrong).toBe(0)
  expect(answered).toBeGreaterThan(1_000)
  expect(told.filter(event => event === 'reconnecting')).toEqual([])
})
