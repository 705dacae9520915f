import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.ts'
import { definePlan, type Feed, type FeedEntry, type FollowOptions, feed, json, type LogGap } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { serverLinks, timesRun } from './evidence.ts'

const plan = definePlan('feeds', {
  thoughts: feed('thoughts:<id>', { value: json<number>(), ttl: '1h' }),
  short: feed('short:<id>', { value: json<number>(), ttl: '1h', keep: 20 }),
})

let server: RedisProcess
beforeEach(async () => {
  server = await startRedis({ appendonly: true })
})
afterEach(() => server.cleanUp())

async function open(options: ConnectOptions = {}) {
  const client = await connect(plan, { url: server.url, log: false, start: 'required', ...options })
  onTestFinished(() => client.$close())
  return client
}

function follow(one: Feed<number, number>, options: FollowOptions = {}) {
  const numbers: number[] = []
  const entries: FeedEntry<number>[] = []
  const gaps: LogGap[] = []
  void (async () => {
    for await (const entry of one.follow({ gap: gap => gaps.push(gap), ...options })) {
      entries.push(entry)
      numbers.push(entry.value)
    }
  })()
  return { numbers, entries, gaps }
}

test('a hundred who follow twenty feeds go on after kill -9 and a restart: nothing twice, nothing missing, no gap', async () => {
  const [reader, writer] = [await open(), await open()]
  const ids = Array.from({ length: 20 }, (_, index) => `f${index}`)
  const followers = ids.flatMap(id => Array.from({ length: 5 }, () => ({ id, ...follow(reader.thoughts({ id })) })))
  let n = 0
  async function round(): Promise<void> {
    n++
    await Promise.all(ids.map(id => writer.thoughts({ id }).append(n)))
  }
  for (let count = 0; count < 20; count++) await round()
  await until(() => followers.every(({ numbers }) => numbers.length > 0))
  await server.kill()
  await until(() => reader.$status.state === 'reconnecting')
  await server.restart()
  await until(() => writer.$status.state === 'connected')
  for (let count = 0; count < 20; count++) await round()
  await until(() => followers.every(({ numbers }) => numbers.at(-1) === 40))
  const whole = Array.from({ length: 40 }, (_, index) => index + 1)
  for (const { numbers, gaps } of followers) expect([numbers, gaps]).toEqual([whole, []])
  expect((await serverLinks(server, 'blocking')).length).toBeLessThanOrEqual(2)
})

test('a thousand who follow one feed share one reader', async () => {
  const [reader, writer] = [await open(), await open()]
  await writer.thoughts({ id: 'one' }).append(0)
  const followers = Array.from({ length: 1_000 }, () =>
    follow(reader.thoughts({ id: 'one' }), { buffer: { count: 10 } }),
  )
  await until(() => followers.every(({ numbers }) => numbers.length === 1))
  await server.ask('CONFIG', 'RESETSTAT')
  for (let n = 1; n <= 10; n++) {
    await writer.thoughts({ id: 'one' }).append(n)
    await until(() => followers.every(({ numbers }) => numbers.at(-1) === n))
  }
  // More at once than may wait for each of them: they read what they had no room for, and share that as well.
  await Promise.all(Array.from({ length: 30 }, (_, index) => writer.thoughts({ id: 'one' }).append(11 + index)))
  await until(() => followers.every(({ numbers }) => numbers.length === 41))
  expect((await serverLinks(server, 'blocking')).length).toBeLessThanOrEqual(2)
  // Each append is read once, and once more by the reader of newcomers as long as that is there.
  expect(await timesRun(server, 'xread')).toBeLessThan(200)
  expect(await timesRun(server, 'xrange')).toBeLessThan(100)
  expect(reader.$stats().namespaces.thoughts?.feed).toMatchObject({ followers: 1_000, gaps: 0 })
})

test('who joins while the reader waits is read for beside it', async () => {
  const [reader, writer] = [await open(), await open()]
  const quiet = follow(reader.thoughts({ id: 'quiet' }))
  await writer.thoughts({ id: 'quiet' }).append(1)
  await until(() => quiet.numbers.length === 1)
  const blocked = async () => String(await server.ask('INFO', 'clients')).includes('blocked_clients:1')
  await until(blocked)
  const newcomer = follow(reader.thoughts({ id: 'new' }))
  await until(async () => {
    await writer.thoughts({ id: 'new' }).append(1)
    return newcomer.numbers.length > 0 && (await serverLinks(server, 'blocking')).length === 2
  })
})

test('FLUSHALL, and a feed that was trimmed while the reader was away, are told as a gap before the next entry', async () => {
  const [reader, writer] = [await open(), await open()]
  const flushed = follow(reader.thoughts({ id: 'a' }))
  const trimmed = follow(reader.short({ id: 'a' }))
  for (const n of [1, 2]) {
    await writer.thoughts({ id: 'a' }).append(n)
    await writer.short({ id: 'a' }).append(n)
  }
  await until(() => flushed.numbers.length === 2 && trimmed.numbers.length === 2)

  await server.ask('FLUSHALL')
  await writer.thoughts({ id: 'a' }).append(3)
  await until(() => flushed.numbers.length === 3)
  expect(flushed.gaps).toEqual([{ after: flushed.entries[1]!.id, before: flushed.entries[2]!.id }])

  // In one step, so that nobody can read between.
  const append = Array.from(
    { length: 50 },
    (_, n) => `redis.call('XADD', KEYS[1], 'MAXLEN', 20, '*', 'p', 'x', 'v', '${n}')`,
  )
  await server.ask('EVAL', append.join('\n'), '1', 'short:a')
  await until(() => trimmed.numbers.at(-1) === 49)
  expect(trimmed.gaps.length).toBeGreaterThan(0)
  expect(trimmed.numbers.slice(2, 4)).toEqual([30, 31])
})

test('a key that is no feed holds up only those who follow it', async () => {
  const [reader, writer] = [await open(), await open()]
  const good = follow(reader.thoughts({ id: 'good' }))
  const bad = follow(reader.thoughts({ id: 'bad' }))
  await writer.thoughts({ id: 'good' }).append(1)
  await writer.thoughts({ id: 'bad' }).append(1)
  await until(() => good.numbers.length === 1 && bad.numbers.length === 1)
  await server.ask('SET', 'thoughts:bad', 'no stream')
  for (let n = 2; n <= 5; n++) {
    await writer.thoughts({ id: 'good' }).append(n)
    await until(() => good.numbers.at(-1) === n)
  }
  await expect(writer.thoughts({ id: 'bad' }).append(2)).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  await server.ask('DEL', 'thoughts:bad')
  await writer.thoughts({ id: 'bad' }).append(2)
  await until(() => bad.numbers.at(-1) === 2)
  expect([good.gaps.length, bad.gaps.length]).toEqual([0, 1])
})
