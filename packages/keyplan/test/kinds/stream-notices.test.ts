import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import type { Notice } from '../../src/client/index.ts'
import { definePlan, json, stream } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('notices', {
  events: stream('events', {
    value: json<number>(),
    groups: { workers: { start: '0' } },
    retry: { attempts: 2, delay: '5ms', max: '5ms' },
  }),
})

test('what a handler throws and what is given up is told, each time to listeners and ever more rarely to the log', async () => {
  const lines: string[] = []
  const notices: Notice[] = []
  const redis = await connect(plan, { memory: true, log: (_, line) => void lines.push(line) })
  onTestFinished(() => redis.$close())
  redis.$on('notice', notice => void notices.push(notice))
  redis.events.work('workers', ({ value }) => {
    if (value === 2) throw new RangeError('no twos')
    if (value === 3) throw 'a text'
  })
  const [, second] = await redis.events.appendMany([1, 2, 3])
  await until(() => notices.filter(({ type }) => type === 'dead-letter').length === 2)
  const told = notices.filter(({ type }) => type === 'handler-failed')
  expect(told.map(notice => 'count' in notice && notice.count)).toEqual([1, 2, 3, 4, 5, 6])
  expect(told).toContainEqual(
    expect.objectContaining({ namespace: 'events', source: 'worker of workers', error: new RangeError('no twos') }),
  )
  expect(notices).toContainEqual(
    expect.objectContaining({
      type: 'dead-letter',
      source: 'worker of workers',
      id: second,
      deliveries: 3,
      cause: { name: 'RangeError', message: 'no twos' },
    }),
  )
  const of = (text: string) => lines.filter(line => line.includes(text))
  expect(of('a handler of workers failed: ')).toHaveLength(3)
  expect(of('workers has given up an entry after 3 deliveries: ')).toHaveLength(2)
})

test.each([1, 2])(
  'whatever a handler throws, the others are handled, and its entry is given up (%s at once)',
  async concurrency => {
    const revoked = Proxy.revocable(new Error('gone'), {})
    revoked.revoke()
    const thrown: unknown[] = [
      undefined,
      Object.freeze(new Error('frozen')),
      Object.assign(new Error(''), { message: { code: 5 } }),
      Object.assign(new Error('no name'), { name: undefined }),
      Object.assign(new Error('no text'), { name: 5n, stack: Symbol('stack') }),
      Object.defineProperty(new Error(''), 'message', {
        get() {
          throw new Error('unreadable')
        },
      }),
      revoked.proxy,
    ]
    const handled: number[] = []
    const redis = await connect(plan, { memory: true, log: () => {} })
    onTestFinished(() => redis.$close())
    redis.events.work(
      'workers',
      ({ value }) => {
        if (value >= 2 * thrown.length) return void handled.push(value)
        if (value % 2 === 0) throw thrown[value / 2]
        return Promise.reject(thrown[(value - 1) / 2])
      },
      { concurrency },
    )
    await redis.events.appendMany(Array.from({ length: 2 * thrown.length + 1 }, (_, value) => value))
    await until(async () => (await redis.events.deadLetters('workers').list()).length === 2 * thrown.length)
    expect(handled).toEqual([2 * thrown.length])
  },
)
