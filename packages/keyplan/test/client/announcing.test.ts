import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { channel, definePlan, feed, json } from '../../src/index.ts'
import { until } from '../live-server.ts'

const value = json<number>()
const plan = definePlan(
  'announcing',
  {
    thoughts: feed('thoughts:<session>:<agent>', { value, ttl: '1h', announce: 'bySession' }),
    bySession: channel('live:<session>', { value }),
    tasks: feed('tasks:<id>', { value, ttl: '1h', announce: 'tasksLive' }),
    tasksLive: channel('tasks:<id>', { value, reliable: { keep: 10 } }),
  },
  { prefix: 'app:' },
)

let redis: RedisProcess
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.cleanUp())

describe.each([
  ['Redis', () => ({ url: redis.url })],
  ['memory', () => ({ memory: true as const })],
])('on %s', (_name, options) => {
  test('what the plan declares is announced, under its prefix, and the announcements of a reliable channel are kept', async () => {
    await using client = await connect(plan, { log: false, start: 'required', ...options() })
    const heard: [string | undefined, number][] = []
    await client.bySession({ session: 's' }).subscribe(({ params, message }) => heard.push([params.session, message]))
    for (const agent of ['a', 'b']) await client.thoughts({ session: 's', agent }).append(1)
    await client.thoughts({ session: 'other', agent: 'a' }).append(-1)
    for (const n of [1, 2, 3]) await client.tasks({ id: 't' }).append(n)
    const kept: number[] = []
    await client.tasksLive({ id: 't' }).subscribe(({ message }) => kept.push(message), { after: 'start' })
    await until(() => heard.length === 2 && kept.length === 3)
    expect([heard, kept]).toEqual([
      [
        ['s', 1],
        ['s', 1],
      ],
      [1, 2, 3],
    ])
    expect(client.$stats().namespaces.thoughts?.feed).toMatchObject({ appended: 3 })
  })
})
