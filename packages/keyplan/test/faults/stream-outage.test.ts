import { setTimeout as sleep } from 'node:timers/promises'
import { type RedisProcess, startProxy, startRedis, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { streamPlan } from '../conformance/stream.ts'
import { until } from '../live-server.ts'
import { proxyLinkOf, serverLinks } from './evidence.ts'

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis({ appendonly: true, args: { appendfsync: 'always' } })
})
afterAll(() => server.cleanUp())

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => ({ n: from + index }))

test('F03: after an outage longer than every wait a worker goes on; it was red meanwhile, and the log stayed short', async () => {
  const lines: string[] = []
  await using redis = await connect(streamPlan, { url: server.url, log: (_, line) => void lines.push(line) })
  const seen: number[] = []
  const workers = Array.from({ length: 5 }, () => redis.events.work('workers', ({ value: { n } }) => void seen.push(n)))
  await redis.events.appendMany(numbers(20))
  await until(() => seen.length === 20)
  await server.kill()
  await until(() => workers.every(({ health }) => !health.well && health.state === 'waiting'))
  // Longer than a wait for entries, and than the pauses between two tries.
  await sleep(3_000)
  expect(workers.every(({ health }) => !health.well)).toBe(true)
  await server.restart()
  await until(() => workers.every(({ health }) => health.well))
  await redis.events.appendMany(numbers(20, 20))
  await until(() => seen.length === 40)
  expect(lines.length).toBeLessThanOrEqual(20)
})

test('F06: a link that falls silent while a worker waits on it is given up, and no entry is lost with it', async () => {
  await server.ask('FLUSHALL')
  await using proxy = await startProxy({ to: server.port })
  const before = new Set((await serverLinks(server, 'blocking')).map(({ id }) => id))
  await using redis = await connect(streamPlan, { url: `redis://127.0.0.1:${proxy.port}`, log: false })
  await using other = await connect(streamPlan, { url: server.url, log: false })
  const seen: number[] = []
  const worker = redis.events.work('workers', ({ value: { n } }) => void seen.push(n))
  const mine = await until(async () => {
    const links = await serverLinks(server, 'blocking')
    return links.find(({ id, port }) => !before.has(id) && proxy.links.some(link => link.portAtServer === port))
  })
  proxyLinkOf(proxy.links, mine).apply({ kind: 'blackhole' })
  await other.events.appendMany(numbers(20))
  await until(() => seen.length === 20)
  expect(seen).toEqual(numbers(20).map(({ n }) => n))
  expect(worker.figures.redelivered).toBe(0)
})

test('a failover by Sentinel is an outage like another', async () => {
  const sentinel = await startSentinel()
  try {
    await using redis = await connect(streamPlan, { url: sentinel.url, log: false })
    const seen = new Set<number>()
    const worker = redis.events.work('workers', ({ value: { n } }) => void seen.add(n))
    await redis.events.appendMany(numbers(50))
    await until(() => seen.size === 50)
    await sentinel.failover()
    let n = 50
    // What is appended during the switch may be refused: what is acknowledged afterwards is handled.
    await until(async () =>
      redis.events.append({ n }).then(
        () => true,
        () => false,
      ),
    )
    await until(() => seen.has(n))
    n++
    await redis.events.append({ n })
    await until(() => seen.has(n) && worker.health.well)
  } finally {
    await sentinel.stop()
  }
}, 60_000)
