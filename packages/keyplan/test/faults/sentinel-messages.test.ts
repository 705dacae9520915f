import { setTimeout as sleep } from 'node:timers/promises'
import { type SentinelTopology, startSentinel } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { type ChannelGap, channel, definePlan, feed, json, type LogGap } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('messages', {
  passing: channel('passing:<id>', { value: json<number>() }),
  tasks: channel('tasks:<id>', { value: json<number>(), reliable: { keep: 100_000 } }),
  thoughts: feed('thoughts:<id>', { value: json<number>(), ttl: '1h' }),
})

let topology: SentinelTopology
beforeAll(async () => {
  // A machine that stands still for a second must not be taken for a master that is down: what that loses is no planned failover's.
  topology = await startSentinel({ downAfter: 10_000 })
}, 60_000)
afterAll(() => topology.stop())

async function open() {
  const client = await connect(plan, { url: topology.url, log: false, start: 'required' })
  onTestFinished(() => client.$close())
  return client
}

test('over a planned failover nothing is missing that was acknowledged, nothing comes twice, and listening is told as a gap', {
  timeout: 60_000,
}, async () => {
  const [listener, publisher] = [await open(), await open()]
  const heard = { passing: [] as number[], tasks: [] as number[], thoughts: [] as number[] }
  const gaps: ChannelGap[] = []
  const holes: (ChannelGap | LogGap)[] = []
  const hole = (gap: ChannelGap | LogGap) => void holes.push(gap)
  await listener.passing({ id: 'a' }).subscribe(({ message }) => heard.passing.push(message), {
    gap: gap => gaps.push(gap),
  })
  await listener.tasks({ id: 'a' }).subscribe(({ message }) => heard.tasks.push(message), { gap: hole })
  void (async () => {
    for await (const { value } of listener.thoughts({ id: 'a' }).follow({ gap: hole })) heard.thoughts.push(value)
  })()

  const done = { tasks: [] as number[], thoughts: [] as number[] }
  let n = 0
  let over = false
  const publishing = (async () => {
    while (!over) {
      const mine = ++n
      await publisher.passing({ id: 'a' }).publish(mine)
      await publisher
        .tasks({ id: 'a' })
        .publish(mine)
        .then(
          () => done.tasks.push(mine),
          () => sleep(5),
        )
      await publisher
        .thoughts({ id: 'a' })
        .append(mine)
        .then(
          () => done.thoughts.push(mine),
          () => sleep(5),
        )
    }
  })()
  await until(() => done.thoughts.length > 50)
  await topology.failover()
  const reached = done.thoughts.length
  await until(() => done.thoughts.length > reached + 50)
  await until(() => gaps.length > 0)
  over = true
  await publishing
  await publisher.passing({ id: 'a' }).publish(-1)
  await until(() => heard.passing.at(-1) === -1)
  await until(() => heard.tasks.at(-1) === done.tasks.at(-1) && heard.thoughts.at(-1) === done.thoughts.at(-1))

  expect(done.tasks.filter(mine => !heard.tasks.includes(mine))).toEqual([])
  expect(done.thoughts.filter(mine => !heard.thoughts.includes(mine))).toEqual([])
  for (const numbers of [heard.tasks, heard.thoughts]) expect(numbers).toEqual([...new Set(numbers)])
  expect([...heard.tasks].sort((a, b) => a - b)).toEqual(heard.tasks)
  expect(holes).toEqual([])
  await topology.settled()
})
