import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.ts'
import { channel, definePlan, json } from '../../src/index.ts'
import { infoFigure, serverLinks } from '../faults/evidence.ts'
import { until } from '../live-server.ts'

const plan = definePlan('wire', {
  events: channel('events:<topic>', { value: json<number>() }),
  tasks: channel('tasks:<queue>', { value: json<number>(), reliable: { keep: '1h' } }),
})

let server: RedisProcess
beforeAll(async () => {
  const rules = '+@all ~* resetchannels'
  server = await startRedis({
    users: [
      { name: 'quiet', rules: `${rules} &elsewhere:*`, password: 'pw' },
      { name: 'partly', rules: `${rules} &events:open`, password: 'pw' },
    ],
  })
})
afterAll(() => server.cleanUp())

async function open(options: ConnectOptions = {}) {
  const client = await connect(plan, { url: server.url, log: false, start: 'required', ...options })
  onTestFinished(() => client.$close())
  return client
}

const listeners = async (channel: string) => ((await server.ask('PUBSUB', 'NUMSUB', channel)) as [string, number])[1]

test('a hundred who listen to one channel share one link and one subscription, which ends with the last', async () => {
  const [client, publisher] = [await open(), await open()]
  const topic = client.events({ topic: 'shared' })
  let heard = 0
  const subscriptions = await Promise.all(
    Array.from({ length: 100 }, () =>
      topic.subscribe(() => {
        heard++
      }),
    ),
  )
  expect((await serverLinks(server, 'subscriber')).length).toBe(1)
  expect(await publisher.events({ topic: 'shared' }).publish(1)).toEqual({ receivers: 1, id: undefined })
  await until(() => heard === 100)
  for (const { close } of subscriptions.slice(1)) close()
  expect(await listeners('events:shared')).toBe(1)
  subscriptions[0]!.close()
  await until(async () => (await listeners('events:shared')) === 0)
  expect(await publisher.events({ topic: 'shared' }).publish(2)).toEqual({ receivers: 0, id: undefined })
})

test('what is published in one turn leaves in one write', async () => {
  const client = await open()
  const topic = client.events({ topic: 'burst' })
  const reads = () => infoFigure(server, 'stats', 'total_reads_processed')
  const once = await reads()
  const look = (await reads()) - once
  const before = await reads()
  await Promise.all(Array.from({ length: 50 }, (_, n) => topic.publish(n)))
  const after = await reads()
  // A ping of some link may come between; fifty writes would be fifty reads.
  expect(after - before - look).toBeLessThan(25)
})

test('a log beside a channel lives in its slot and has a time to live from its first message on', async () => {
  const client = await open()
  await client.tasks({ queue: 'a' }).publish(1)
  const [key] = (await server.ask('KEYS', '*tasks:a*')) as string[]
  expect(key).toBe('{tasks:a}:~channel')
  const lifetime = Number(await server.ask('PTTL', key!))
  expect(lifetime).toBeGreaterThan(3_500_000)
  expect(lifetime).toBeLessThanOrEqual(3_600_000)
})

test('other software publishes text, and hears text: a reliable message has its ids in front', async () => {
  const client = await open()
  const plain: number[] = []
  const reliable: [number, string | undefined][] = []
  await client.events({ topic: 'other' }).subscribe(({ message }) => {
    plain.push(message)
  })
  await client.tasks({ queue: 'other' }).subscribe(({ message, id }) => {
    reliable.push([message, id])
  })
  await server.ask('PUBLISH', 'events:other', '1')
  await server.ask('PUBLISH', 'tasks:other', '2')
  const { id } = await client.tasks({ queue: 'other' }).publish(3)
  await until(() => plain.length === 1 && reliable.length === 2)
  expect([plain, reliable]).toEqual([
    [1],
    [
      [2, undefined],
      [3, id],
    ],
  ])
})

test('of messages that leave together one that is refused fails alone', async () => {
  const client = await open({ url: server.urlAs('partly') })
  const topics = ['open', 'shut', 'open'].map(topic => client.events({ topic }).publish(1))
  const [first, second, third] = await Promise.allSettled(topics)
  expect([first!.status, third!.status]).toEqual(['fulfilled', 'fulfilled'])
  expect(second).toMatchObject({ reason: { code: 'NO_PERMISSION', namespace: 'events', operation: 'publish' } })
})

test('who may not publish is told, and what a reliable channel keeps is kept and noticed once', async () => {
  const client = await open({ url: server.urlAs('quiet') })
  const notices: (string | undefined)[] = []
  client.$on('notice', ({ type, warning }) => {
    if (type === 'announcement-refused') notices.push(warning)
  })
  await expect(client.events({ topic: 'a' }).publish(1)).rejects.toMatchObject({
    code: 'NO_PERMISSION',
    namespace: 'events',
    operation: 'publish',
  })
  expect(await client.tasks({ queue: 'kept' }).publish(1)).toMatchObject({ receivers: 0 })
  expect(await server.ask('XLEN', '{tasks:kept}:~channel')).toBe(1)
  expect(notices.length).toBe(1)
  await expect(client.events({ topic: 'a' }).subscribe(() => {})).rejects.toMatchObject({ code: 'NO_PERMISSION' })
})
