import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import {
  channel,
  type DocumentChange,
  definePlan,
  document,
  feed,
  json,
  type RegistryChange,
  registry,
  type SessionEvent,
  session,
} from '../../src/index.ts'
import { until } from '../live-server.ts'

interface Board {
  readonly title: string
}
const value = json<number>()
const plan = definePlan(
  'announcing',
  {
    thoughts: feed('thoughts:<session>:<agent>', { value, ttl: '1h', announce: 'bySession' }),
    bySession: channel('live:<session>', { value }),
    tasks: feed('tasks:<id>', { value, ttl: '1h', announce: 'tasksLive' }),
    tasksLive: channel('tasks:<id>', { value, reliable: { keep: 10 } }),
    boards: document('boards:<session>:<name>', { ttl: '1h', value: json<Board>(), announce: 'boardEvents' }),
    boardEvents: channel('events:boards', { value: json<DocumentChange<Board, 'session' | 'name'>>() }),
    login: session('session:<sessionId>', {
      ttl: '1h',
      value: json<{ user?: string }>(),
      perUser: { by: ({ user }) => user },
      announce: 'logins',
    }),
    logins: channel('logins', { value: json<SessionEvent>() }),
    rules: document('rules:<id>', { ttl: '1h', value: json<Board>(), announce: 'rulesLive' }),
    rulesLive: channel('rules:<id>', { value: json<DocumentChange<Board>>(), reliable: { keep: 10 } }),
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

  test('each change of a document is announced, with what it concerns, and what changes nothing is not', async () => {
    await using client = await connect(plan, { log: false, start: 'required', ...options() })
    const heard: DocumentChange<Board>[] = []
    await client.boardEvents({}).subscribe(({ message }) => heard.push(message))
    const params = { session: 's "1"', name: 'b' }
    const board = client.boards(params)
    const first = await board.set({ title: 'a' })
    await board.compareAndSet(0, { title: 'lost' })
    const second = await board.patch({ title: 'b' })
    expect(await board.delete({ ifVersion: first })).toBe(false)
    expect(await board.delete()).toBe(true)
    expect(await board.delete()).toBe(false)
    await client.boards({ session: 's', name: 'c' }).set({ title: 'c' })
    await until(() => heard.length === 4)
    expect(heard).toEqual([
      { change: 'created', params, version: first, value: { title: 'a' } },
      { change: 'changed', params, version: second.version, value: { title: 'b' } },
      { change: 'deleted', params, version: 0 },
      { change: 'created', params: { session: 's', name: 'c' }, version: expect.any(Number), value: { title: 'c' } },
    ])

    await client.rules({ id: 'r' }).set({ title: 'r' })
    await client.rules({ id: 'r' }).delete()
    const kept: string[] = []
    await client.rulesLive({ id: 'r' }).subscribe(({ message }) => kept.push(message.change), { after: 'start' })
    await until(() => kept.length === 2)
    expect(kept).toEqual(['created', 'deleted'])
  })

  test('the beginning, the move and the end of a session are announced, by names that are no logins', async () => {
    await using client = await connect(plan, { log: false, start: 'required', ...options() })
    const heard: SessionEvent[] = []
    await client.logins({}).subscribe(({ message }) => heard.push(message))
    const visit = await client.login.create({})
    const logged = (await client.login({ sessionId: visit.id }).rotate({ change: { user: 'ann "a"' } }))!
    await client.login({ sessionId: logged.id }).update({ user: 'ann "a"' })
    const other = await client.login.create({ user: 'bob' })
    expect(await client.login({ sessionId: logged.id }).destroy()).toBe(true)
    expect(await client.login({ sessionId: logged.id }).destroy()).toBe(false)
    await client.login.user('bob').endAll()
    await until(() => heard.length === 5)
    expect(heard).toEqual([
      { event: 'created', name: visit.name, user: null },
      { event: 'moved', name: visit.name, to: logged.name, user: 'ann "a"' },
      { event: 'created', name: other.name, user: 'bob' },
      { event: 'ended', name: logged.name, user: 'ann "a"' },
      { event: 'ended', name: other.name, user: 'bob' },
    ])
  })
})

test('who may not publish changes a document all the same, and is told once', async () => {
  const url = redis.url.replace('//', '//writer:w@')
  await redis.ask(
    'ACL',
    'SETUSER',
    'writer',
    'on',
    '>w',
    '+@all',
    '%RW~app:boards:*',
    '%RW~{app:boards:*',
    '~app:rules:*',
    '%R~{app:rules:*',
    '%RW~{app:rules:*}:~version',
    '%RW~{app:rules:*}:~history',
  )
  const lines: string[] = []
  await using client = await connect(plan, { url, log: (_, line) => lines.push(line), start: 'required' })
  const board = client.boards({ session: 's', name: 'refused' })
  for (const title of ['a', 'b']) await board.set({ title })
  expect(await board.get()).toEqual({ title: 'b' })
  // Neither the message nor, of a reliable channel, its log.
  await client.rules({ id: 'refused' }).set({ title: 'a' })
  expect(await client.rules({ id: 'refused' }).get()).toEqual({ title: 'a' })
  const told = lines.filter(line => line.includes('not announced'))
  expect(told).toEqual([expect.stringMatching(/^boards: documents are changed/), expect.stringMatching(/^rules: /)])
})
