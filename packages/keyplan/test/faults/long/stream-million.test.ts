import { connectResp, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { definePlan, json, stream } from '../../../src/index.ts'
import { until } from '../../live-server.ts'
import { report } from '../figures.ts'

const entries = 1_000_000
const names = ['one', 'two', 'three', 'four', 'five'] as const
const start = { start: '0' }
const plan = definePlan('million', {
  events: stream('events', {
    value: json<{ n: number; text: string }>(),
    groups: { one: start, two: start, three: start, four: start, five: start },
    keep: { entries: 2 * entries },
  }),
})
const text = 'x'.repeat(100)

/** No step of ours may take longer for a long stream. Microseconds; the machine may be busy. */
const slow = 20_000

test('a million entries and five groups: nothing takes longer for it, and memory is that of the plain stream', async () => {
  const server = await startRedis()
  onTestFinished(() => server.cleanUp())
  const plain = await connectResp({ port: server.port })
  onTestFinished(() => plain.close())
  const used = async () => Number(/used_memory:(\d+)/.exec(String(await plain.ask('INFO', 'memory')))?.[1])
  const perEntry = async (before: number) => ((await used()) - before) / entries

  const empty = await used()
  const adding = `for i = 1, 10000 do redis.call('XADD', KEYS[1], '*', 'value', ARGV[1]) end`
  for (let count = 0; count < entries; count += 10_000) {
    await plain.ask('EVAL', adding, '1', 'raw', JSON.stringify({ n: count, text }))
  }
  const raw = await perEntry(empty)
  await plain.ask('DEL', 'raw')

  await using redis = await connect(plan, { url: server.url, log: false, start: 'required' })
  await redis.events.append({ n: -1, text })
  await plain.ask('CONFIG', 'SET', 'slowlog-log-slower-than', String(slow), 'slowlog-max-len', '1000')
  const before = await used()
  for (let n = 0; n < entries; n += 5_000) {
    await redis.events.appendMany(Array.from({ length: 5_000 }, (_, index) => ({ n: n + index, text })))
  }
  const appended = await perEntry(before)

  const done = new Map<string, number>(names.map(name => [name, 0]))
  let most = 0
  const workers = names.map(name => {
    const count = (messages: readonly unknown[]) => void done.set(name, done.get(name)! + messages.length)
    return redis.events.work(name, count, { batch: 100 })
  })
  const begun = performance.now()
  await until(async () => {
    most = Math.max(most, await perEntry(before))
    return [...done.values()].every(count => count === entries + 1)
  })
  const seconds = (performance.now() - begun) / 1000
  await until(() => workers.every(({ figures }) => figures.held === 0))
  const finished = await perEntry(before)
  await redis.$close()

  const slowlog = (await plain.ask('SLOWLOG', 'GET', '-1')) as [number, number, number, string[]][]
  report(`${entries} entries, 5 groups`, {
    'bytes an entry by XADD': raw,
    appended,
    'at most while handled': most,
    finished,
    'handled a second, 5 groups': (5 * entries) / seconds,
    'steps over 20 ms': slowlog.length,
  })
  // Those that there are tell of a busy machine, not of a long stream: none takes a hundredth of reading it once.
  expect(
    slowlog.map(([, , micros, [command]]) => ({ command, micros })).filter(({ micros }) => micros > 10 * slow),
  ).toEqual([])
  expect(finished).toBeLessThan(raw * 1.1)
  expect([...done.values()]).toEqual(names.map(() => entries + 1))
}, 900_000)
