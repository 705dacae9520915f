import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { channel, definePlan, feed, json, type RegistryChange, registry } from '../../src/index.ts'
import { until } from '../live-server.ts'

const value = json<number>()
const plan = definePlan(
  'announcing',
  {
    thoughts: feed('thoughts:<session>:<agent>', { value, ttl: '1h', announce: 'bySession' }),
    bySession: channel('live:<session>', { value }),
    tasks: feed('tasks:<id>', { value, ttl: '1h', announce: 'tasksLive' }),
    tasksLive: channel('tasks:<id>', { value, reliable: { keep: 10 } }),
    presence: registry('{presence:<room>}:<id>', { lease: '400ms', announce: 'presenceLive' }),
    presenceLive: channel('{presence:<room>}:live', { value: json<RegistryChange>(), reliable: { keep: 10 } }),
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
    const room = 'r'
    const ann = await client.presence({ room, id: 'ann' }).join()
    await client.presence({ room: 'other', id: 'cid' }).join()
    await ann.update({ capabilities: ['talk'] })
    await ann.leave()
    const changes: string[] = []
    const tell = ({ message }: { message: RegistryChange }) => changes.push(`${message.member.id} ${message.type}`)
    await client.presenceLive({ room }).subscribe(tell, { after: 'start' })
    await until(() => changes.length === 3)
    expect(changes).toEqual(['ann joined', 'ann updated', 'ann left'])
    expect([await client.presence.in({ room }).count(), await client.presence.in({ room: 'other' }).count()]).toEqual([
      0, 1,
    ])
    expect(client.$stats().namespaces.presence?.registry).toMatchObject({ members: 1, joined: 2, left: 1 })
    expect(client.$stats().namespaces.thoughts?.feed).toMatchObject({ appended: 3 })
  })
})
