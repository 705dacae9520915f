import { setTimeout as sleep } from 'node:timers/promises'
import { startRedis } from '@keyplan/local'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../../src/client/index.ts'
import { channel, definePlan, feed, json } from '../../../src/index.ts'
import { until } from '../../live-server.ts'

const plan = definePlan('soak', {
  tasks: channel('tasks:<id>', { value: json<number>(), reliable: { keep: 1_000_000 }, buffer: { count: 50 } }),
  thoughts: feed('thoughts:<id>', { value: json<number>(), ttl: '1h', keep: 1_000_000 }),
})

const seconds = 60

/** What is done to the server, over and over. */
const faults = [
  'CLIENT KILL TYPE pubsub',
  'CLIENT KILL TYPE normal',
  'kill',
  'pause',
  'CLIENT KILL TYPE pubsub',
] as const

test(`${seconds} s of killed links, kills and freezes: reliable channels and feeds lose and double nothing`, async () => {
  const server = await startRedis({ appendonly: true })
  onTestFinished(() => server.cleanUp())
  const open = async () => {
    const client = await connect(plan, { url: server.url, log: false, start: 'required' })
    onTestFinished(() => client.$close())
    return client
  }
  const [listener, publisher] = [await open(), await open()]
  const ids = ['a', 'b', 'c', 'd']
  const done = new Map(ids.map(id => [id, { published: [] as number[], appended: [] as number[] }]))
  const logs: { id: string; kind: 'published' | 'appended'; numbers: number[] }[] = []
  let gaps = 0
  const gap = () => void gaps++
  for (const id of ids) {
    for (let count = 0; count < 5; count++) {
      const [heard, followed] = [[] as number[], [] as number[]]
      logs.push({ id, kind: 'published', numbers: heard }, { id, kind: 'appended', numbers: followed })
      // Every other one is slower than the messages now and then.
      const handler = async ({ message }: { message: number }) => {
        heard.push(message)
        if (count % 2 === 1 && message % 100 === 0) await sleep(50)
      }
      await listener.tasks({ id }).subscribe(handler, { gap })
      void (async () => {
        for await (const { value } of listener.thoughts({ id }).follow({ gap })) followed.push(value)
      })()
    }
  }

  let over = false
  const writing = ids.map(async id => {
    const { published, appended } = done.get(id)!
    for (let n = 1; !over; n++) {
      const failed = () => sleep(10)
      await publisher
        .tasks({ id })
        .publish(n, { deadline: '300ms' })
        .then(() => published.push(n), failed)
      await publisher
        .thoughts({ id })
        .append(n, { deadline: '300ms' })
        .then(() => appended.push(n), failed)
    }
  })
  const end = performance.now() + seconds * 1_000
  for (let round = 0; performance.now() < end; round++) {
    const fault = faults[round % faults.length]!
    if (fault === 'kill') {
      await server.kill()
      await server.restart()
    } else if (fault === 'pause') {
      await server.pause()
      await sleep(1_500)
      server.resume()
    } else await server.ask(...fault.split(' ')).catch(() => {})
    await sleep(500 + Math.random() * 1_000)
  }
  over = true
  await Promise.all(writing)
  await until(() => publisher.$status.state === 'connected')
  for (const id of ids) {
    await publisher.tasks({ id }).publish(-1)
    await publisher.thoughts({ id }).append(-1)
  }
  await until(() => logs.every(({ numbers }) => numbers.at(-1) === -1))
  for (const { id, kind, numbers } of logs) {
    const there = new Set(numbers)
    expect(done.get(id)![kind].filter(n => !there.has(n))).toEqual([])
    expect(numbers.length).toBe(there.size)
    expect(numbers.slice(0, -1)).toEqual(numbers.slice(0, -1).toSorted((left, right) => left - right))
  }
  expect(gaps).toBe(0)
  const total = [...done.values()].reduce((sum, { published, appended }) => sum + published.length + appended.length, 0)
  console.log(`${total} messages and entries were acknowledged, each was received by 5; no gap`)
})
