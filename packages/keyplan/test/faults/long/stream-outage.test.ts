import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { startProxy, startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { channel, definePlan, document, feed, json, stream } from '../../../src/index.ts'
import { until } from '../../live-server.ts'
import { report } from '../figures.ts'

const value = json<{ n: number }>()
const plan = definePlan('outage', {
  events: stream('events:<id>', { value, groups: { workers: { start: '0' } } }),
  tasks: channel('tasks:<id>', { value, reliable: { keep: 1_000 } }),
  news: channel('news:<id>', { value }),
  thoughts: feed('thoughts:<id>', { value, ttl: '1h' }),
  board: document('board:<id>', { value, ttl: '1h' }),
})

const seconds = 90
const ids = ['a', 'b', 'c', 'd', 'e']

test(`after ${seconds} s in which every connection is refused all that runs for long is back within 3 s`, async () => {
  const server = await startRedis()
  onTestFinished(() => server.cleanUp())
  await using proxy = await startProxy({ to: server.port })
  await using direct = await connect(plan, { url: server.url, log: false, start: 'required' })
  const lines: string[] = []
  await using redis = await connect(plan, {
    url: `redis://127.0.0.1:${proxy.port}`,
    log: (_, line) => void lines.push(line),
    start: 'required',
  })

  /** The highest number that each has seen. */
  const seen = new Map<string, number>()
  const sees = (who: string) => {
    seen.set(who, 0)
    return (n: number) => void seen.set(who, Math.max(n, seen.get(who)!))
  }
  const workers = ids.map(id => {
    const see = sees(`worker ${id}`)
    return redis.events({ id }).work('workers', message => see(message.value.n))
  })
  for (const id of ids) {
    const [task, news, thought, board] = ['task', 'news', 'thought', 'board'].map(kind => sees(`${kind} ${id}`))
    await redis.tasks({ id }).subscribe(({ message }) => task!(message.n))
    await redis.news({ id }).subscribe(({ message }) => news!(message.n))
    void (async () => {
      for await (const { value: found } of redis.thoughts({ id }).follow()) thought!(found.n)
    })()
    redis.board({ id }).subscribe(change => {
      if (change.value) board!(change.value.n)
    })
  }
  const tell = (n: number) =>
    Promise.all(
      ids.flatMap(id => [
        direct.events({ id }).append({ n }),
        direct.tasks({ id }).publish({ n }),
        direct.news({ id }).publish({ n }),
        direct.thoughts({ id }).append({ n }),
        direct.board({ id }).set({ n }),
      ]),
    )
  const late = (n: number) => [...seen].filter(([, last]) => last < n).map(([who]) => who)
  await until(async () => {
    await tell(1)
    await sleep(100)
    return late(1).length === 0
  })

  let connections = 0
  const connecting = () => void connections++
  await proxy.refuse()
  await until(() => workers.every(({ health }) => !health.well))
  subscribe('net.client.socket', connecting)
  const linesBefore = lines.length
  const end = performance.now() + seconds * 1_000
  let wellMeanwhile = 0
  while (performance.now() < end) {
    await sleep(1_000)
    wellMeanwhile += workers.filter(({ health }) => health.well).length
  }
  unsubscribe('net.client.socket', connecting)
  const begun = performance.now()
  await proxy.pass()
  let n = 1
  let backAfter = Number.POSITIVE_INFINITY
  await until(async () => {
    await tell(++n)
    await sleep(20)
    if (late(2).length > 0) return false
    backAfter = performance.now() - begun
    return true
  })
  await until(() => workers.every(({ health }) => health.well))
  report(`${seconds} s refused`, {
    'back after ms': backAfter,
    'attempts a minute': (connections * 60) / seconds,
    'log lines': lines.length,
    'of them meanwhile': lines.length - linesBefore,
  })
  expect(backAfter).toBeLessThanOrEqual(3_000)
  expect((connections * 60) / seconds).toBeLessThanOrEqual(40)
  expect(connections).toBeGreaterThan(0)
  expect(lines.length).toBeLessThanOrEqual(20)
  expect(wellMeanwhile).toBe(0)
}, 300_000)
