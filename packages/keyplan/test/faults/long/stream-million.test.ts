import { setTimeout as sleep } from 'node:timers/promises'
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

/** What has to look at a million entries takes longer, and half of the calls hardly notice a busy machine. Microseconds. */
const slow = 3_000

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
  await plain.ask('CONFIG', 'RESETSTAT')
  const begun = performance.now()
  await until(async () => {
    await sleep(100)
    most = Math.max(most, await perEntry(before))
    return [...done.values()].every(count => count === entries + 1)
  })
  const seconds = (performance.now() - begun) / 1000
  await until(() => workers.every(({ figures }) => figures.held === 0))
  const finished = await perEntry(before)
  await redis.$close()

  const stats = String(await plain.ask('INFO', 'latencystats'))
  const medians = Array.from(
    stats.matchAll(/latency_percentiles_usec_([^:]+):p50=([\d.]+)/g),
    ([, command, micros]) => ({
      command: command!,
      micros: Number(micros),
    }),
  )
  const slowest = medians.toSorted((left, right) => right.micros - left.micros)[0]!
  report(`${entries} entries, 5 groups`, {
    'bytes an entry by XADD': raw,
    appended,
    'at most while handled': most,
    finished,
    'handled a second, 5 groups': (5 * entries) / seconds,
    'slowest command': slowest.command,
    'its median µs': slowest.micros,
  })
  expect(medians.map(({ command }) => command)).toEqual(expect.arrayContaining(['evalsha', 'xreadgroup', 'xautoclaim']))
  expect(medians.filter(({ micros }) => micros > slow)).toEqual([])
  expect(finished).toBeLessThan(raw * 1.1)
  expect([...done.values()]).toEqual(names.map(() => entries + 1))
}, 900_000)
