import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { definePlan, json, stream } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { serverBehindProxy } from './server-behind-proxy.ts'

const common = {
  value: json<{ n: number; key?: string }>(),
  groups: { workers: { start: '0' } },
  claimAfter: '1s',
  block: '200ms',
  batch: 20,
} as const
const plan = definePlan('order', {
  events: stream('events', { ...common, retry: { attempts: 1, delay: '50ms' } }),
  frail: stream('frail', { ...common, retry: { attempts: 0 } }),
})
const orderBy = ({ key = 'a' }: { key?: string }) => key
const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index)
const entries = (count: number, from = 0) => numbers(count, from).map(n => ({ n }))

/** One worker reaches its server through a proxy; others stand by, past it. */
describe('the order of a group whose worker is cut off', () => {
  const faulty = serverBehindProxy(plan)
  const both = () => Promise.all([faulty.open(), faulty.openDirect()])

  test('what another has finished meanwhile holds up nobody when its first holder fails it', async () => {
    const [cut, near] = await both()
    let fail = () => {}
    const failing = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('too late'))
    })
    const seen: number[] = []
    const worker = cut.events.work('workers', ({ value: { n } }) => (n === 0 ? failing : void seen.push(n)), {
      orderBy,
    })
    await near.events.append({ n: 0 })
    await until(() => worker.figures.active === 1)
    await faulty.proxy.refuse()
    const other = near.events.work('workers', ({ value: { n } }) => void seen.push(n), { orderBy })
    await until(() => other.figures.handled === 1)
    fail()
    await until(() => worker.figures.failed === 1)
    await faulty.proxy.pass()
    await other.close()
    await near.events.appendMany(entries(20, 1))
    await until(() => seen.length === 21)
    expect(seen).toEqual(numbers(21))
  })

  test('what was given out by a take whose reply was lost is handled in its turn', async () => {
    const [cut, near] = await both()
    await near.events.appendMany(entries(400))
    const seen: number[] = []
    const work = async ({ value: { n } }: { value: { n: number } }) => {
      await sleep(1)
      seen.push(n)
    }
    const worker = cut.events.work('workers', work, { orderBy, prefetch: 20 })
    for (let time = 0; time < 3; time++) {
      const handled = worker.figures.handled
      await until(() => worker.figures.handled > handled + 10)
      const { bytesSwallowed } = faulty.proxy.totals
      await faulty.proxy.swallowReplies()
      await until(() => faulty.proxy.totals.bytesSwallowed > bytesSwallowed)
      await faulty.proxy.pass()
    }
    await until(() => new Set(seen).size === 400)
    expect([...new Set(seen)]).toEqual(numbers(400))
    const backward = seen.filter((n, at) => at > 0 && n < seen[at - 1]!)
    // Again, perhaps, and never before its turn.
    expect(backward.every(n => seen.indexOf(n) < seen.lastIndexOf(n))).toBe(true)
  })

  test('a worker begins nothing that may be another’s by now', async () => {
    const [cut, near] = await both()
    await near.events.appendMany(entries(12))
    const seen: string[] = []
    let release = () => {}
    const held = new Promise<void>(resolve => {
      release = resolve
    })
    const worker = cut.events.work(
      'workers',
      async ({ value: { n } }) => {
        seen.push(`cut ${n}`)
        await held
      },
      { orderBy },
    )
    await until(() => worker.figures.held === 12)
    await faulty.proxy.refuse()
    const other = near.events.work('workers', ({ value: { n } }) => void seen.push(`near ${n}`), { orderBy })
    await until(() => other.figures.handled === 12)
    release()
    await until(() => worker.figures.handled === 1)
    await faulty.proxy.pass()
    await until(() => worker.figures.held === 0)
    expect(seen).toEqual(['cut 0', ...numbers(12).map(n => `near ${n}`)])
  })

  test('a dead letter is told of by who wrote it', async () => {
    const [cut, near] = await both()
    let fail = () => {}
    const failing = new Promise<never>((_, reject) => {
      fail = () => reject(new Error('too late'))
    })
    const worker = cut.frail.work('workers', () => failing)
    await near.frail.append({ n: 0 })
    await until(() => worker.figures.active === 1)
    await faulty.proxy.refuse()
    const other = near.frail.work('workers', () => expect.unreachable())
    await until(() => other.figures.buried === 1)
    fail()
    await until(() => worker.figures.failed === 1)
    await faulty.proxy.pass()
    await until(() => worker.figures.held === 0)
    expect([worker.figures.buried, other.figures.buried]).toEqual([0, 1])
    expect(await near.frail.deadLetters('workers').list()).toHaveLength(1)
  })
})
