import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer } from 'node:net'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { beforeEach, expect, test } from 'vitest'
import type { Tracking } from '../../src/redis/redis.ts'
import { callFor, connectTo, type LiveServer, until } from '../live-server.ts'
import { proxiedServer } from './proxied-server.ts'
import { recordingTracker } from './recording-tracker.ts'

const server = proxiedServer()
let live: LiveServer

beforeEach(async () => {
  live = await server.connect()
})

const markOf = (tracking: Tracking) => until(() => tracking.mark('any'))
const ask = (...words: string[]) => server.direct.ask(...words)

async function links(role: string, asked: Pick<RedisProcess, 'ask'> = { ask: ask as RedisProcess['ask'] }) {
  const list = String(await asked.ask('CLIENT', 'LIST')).split('\n')
  return list.filter(line => line.includes(`name=keyplan:test:${role}:`)).map(line => /id=(\d+)/.exec(line)![1]!)
}
async function kill(role: string, asked?: Pick<RedisProcess, 'ask'>): Promise<void> {
  const to = asked ?? { ask }
  for (const id of await links(role, asked)) await to.ask('CLIENT', 'KILL', 'ID', id)
}

/** Keys are told in order, so that what was to be told before this one has been. */
async function toldUpTo(key: string, { told }: { told: (string | null)[] }): Promise<void> {
  await ask('SET', key, '1')
  await until(() => told.includes(key))
}

test('writes of anybody, deletes, lifetimes that end and evictions are told', async () => {
  const tracker = recordingTracker()
  await markOf(live.redis.track(['a:'], tracker))
  await ask('SET', 'a:foreign', '1')
  await until(() => tracker.told.includes('a:foreign'))
  await live.redis.send('set', ['a:own', '1'], callFor())
  await until(() => tracker.told.includes('a:own'))
  await ask('MSET', 'a:1', '1', 'a:2', '1', 'a:ключ', '1')
  await until(() => ['a:1', 'a:2', 'a:ключ'].every(key => tracker.told.includes(key)))

  tracker.told.length = 0
  await ask('DEL', 'a:foreign')
  await ask('UNLINK', 'a:own')
  await ask('PEXPIRE', 'a:1', '0')
  await until(() => ['a:foreign', 'a:own', 'a:1'].every(key => tracker.told.includes(key)))
  await ask('PEXPIRE', 'a:2', '20')
  await until(() => tracker.told.filter(key => key === 'a:2').length === 2)

  tracker.told.length = 0
  await ask('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
  await ask('CONFIG', 'SET', 'maxmemory', '1')
  await until(() => tracker.told.includes('a:ключ'))
  await ask('CONFIG', 'SET', 'maxmemory', '0')
})

test('only keys under the prefixes are told, each to whom it concerns', async () => {
  const short = recordingTracker()
  const long = recordingTracker()
  const other = recordingTracker()
  live.redis.track(['a:b:', 'a:b:c:', 'a:'], short)
  live.redis.track(['a:b:'], long)
  await markOf(live.redis.track(['b:', 'd:'], other))
  for (const key of ['a:1', 'a:b:1', 'a:b:c:1', 'b:1', 'c:1', 'd:1', 'ab:1']) await ask('SET', key, '1')
  await toldUpTo('b:end', other)
  await toldUpTo('a:b:end', long)
  await toldUpTo('a:end', short)
  expect(short.told).toEqual(['a:1', 'a:b:1', 'a:b:c:1', 'a:b:end', 'a:end'])
  expect(long.told).toEqual(['a:b:1', 'a:b:c:1', 'a:b:end'])
  expect(other.told).toEqual(['b:1', 'd:1', 'b:end'])
})

test('an empty prefix tracks all keys', async () => {
  const tracker = recordingTracker()
  await markOf(live.redis.track(['', 'a:'], tracker))
  await toldUpTo('whatever', tracker)
})

test('one link serves all who track, and is there while somebody does', async () => {
  expect(await links('tracking')).toEqual([])
  const one = live.redis.track(['a:'], recordingTracker())
  const two = live.redis.track(['b:'], recordingTracker())
  await markOf(one)
  expect((await links('tracking')).length).toBe(1)
  expect(two.mark('any')).toBe(one.mark('any'))
  one.close()
  one.close()
  expect(two.mark('any')).toBeDefined()
  two.close()
  expect(two.mark('any')).toBeUndefined()
  await until(async () => (await links('tracking')).length === 0)
  await markOf(live.redis.track(['a:'], recordingTracker()))
})

test('FLUSHALL and FLUSHDB make the mark new and are told of all keys', async () => {
  for (const command of ['FLUSHALL', 'FLUSHDB']) {
    const tracker = recordingTracker()
    const tracking = live.redis.track(['a:'], tracker)
    const before = await markOf(tracking)
    let whenTold: number | undefined
    const { invalidated } = tracker
    tracker.invalidated = (keys, lane) => {
      invalidated(keys, lane)
      whenTold = tracking.mark('any')
    }
    await ask(command)
    await until(() => tracker.told.length === 1)
    expect(tracker.told).toEqual([null])
    expect(whenTold).toBeGreaterThan(before)
    expect(tracker.changes.at(-1)).toBe('ready')
    tracking.close()
  }
})

test('who tracks more makes all marks new at once; who tracks what is tracked changes nothing', async () => {
  const first = recordingTracker()
  const one = live.redis.track(['a:'], first)
  const before = await markOf(one)
  const covered = live.redis.track(['a:b:'], recordingTracker())
  expect(covered.mark('any')).toBe(before)

  const second = recordingTracker()
  const two = live.redis.track(['b:'], second)
  expect([one.mark('any'), two.mark('any')]).toEqual([undefined, undefined])
  expect(await markOf(two)).toBeGreaterThan(before)
  expect(first.changes).toEqual(['ready', 'lost', 'ready'])
  expect(second.changes).toEqual(['ready'])
  await ask('SET', 'b:1', '1')
  await toldUpTo('a:1', first)
  await toldUpTo('b:2', second)
  expect([first.told, second.told]).toEqual([['a:1'], ['b:1', 'b:2']])
  await until(async () => (await links('tracking')).length === 1)
})

test('who begins while the link is being set up is heard with the first', async () => {
  const first = recordingTracker()
  live.redis.track(['a:'], first)
  await until(async () => (await links('tracking')).length === 1)
  const second = recordingTracker()
  await markOf(live.redis.track(['b:'], second))
  await toldUpTo('a:1', first)
  await toldUpTo('b:1', second)
})

test.each(['tracking', 'commands'])('a lost link for %s ends all marks, and a new one begins others', async role => {
  const tracker = recordingTracker()
  const tracking = live.redis.track(['a:'], tracker)
  const marks = [await markOf(tracking)]
  let whenLost: number | undefined = 0
  tracker.changed = change => {
    tracker.changes.push(change.type)
    if (change.type === 'lost') whenLost = tracking.mark('any')
  }
  for (let loss = 0; loss < 2; loss++) {
    await kill(role)
    await until(() => tracker.changes.filter(change => change === 'lost').length === loss + 1)
    expect(whenLost).toBeUndefined()
    await until(() => tracker.changes.at(-1) === 'ready')
    marks.push(await markOf(tracking))
    await toldUpTo(`a:${loss}`, tracker)
  }
  expect(new Set(marks).size).toBe(3)
  expect(tracker.changes).toEqual(['ready', 'lost', 'ready', 'lost', 'ready'])
  await until(async () => (await links('tracking')).length === 1)
})

test('who tracks while the server is down is heard when it is back', async () => {
  await server.proxy.refuse()
  await until(() => live.connection.state === 'down')
  const tracker = recordingTracker()
  const tracking = live.redis.track(['a:'], tracker)
  expect(tracking.mark('any')).toBeUndefined()
  await server.proxy.pass()
  await markOf(tracking)
  await toldUpTo('a:1', tracker)
  expect(tracker.changes).toEqual(['ready'])
})

test('a server that was killed is heard again when it runs again, under another mark', async () => {
  const own = await startRedis()
  await using mortal = await connectTo(own.port)
  const tracker = recordingTracker()
  const tracking = mortal.redis.track(['a:'], tracker)
  const before = await markOf(tracking)
  await own.kill()
  await until(() => tracking.mark('any') === undefined)
  await own.restart()
  expect(await markOf(tracking)).toBeGreaterThan(before)
  await own.ask('SET', 'a:1', '1')
  await until(() => tracker.told.includes('a:1'))
  await mortal.close()
  await own.cleanUp()
})

test('a link on which nothing arrives any more is found, though others are well', async () => {
  await live.close()
  live = await server.connect({ stall: 400 })
  const others = new Set(server.proxy.links)
  const tracker = recordingTracker()
  const tracking = live.redis.track(['a:'], tracker)
  const before = await markOf(tracking)
  const [half] = server.proxy.links.filter(link => !others.has(link))
  half!.apply({ kind: 'swallowReplies' })
  await ask('SET', 'a:unheard', '1')
  await until(() => tracker.changes.includes('lost'))
  await until(() => tracker.changes.at(-1) === 'ready')
  expect(await markOf(tracking)).toBeGreaterThan(before)
  expect(live.events.map(({ type }) => type)).toEqual(['ready'])
  await toldUpTo('a:heard', tracker)
})

test('a process that did not listen for long knows no marks until it has', async () => {
  await live.close()
  live = await server.connect({ stall: 200 })
  const tracking = live.redis.track(['a:'], recordingTracker())
  await markOf(tracking)
  const end = performance.now() + 1_000
  while (performance.now() < end);
  expect(tracking.mark('any')).toBeUndefined()
  await markOf(tracking)
})

test('who may not track is told so once, and asked again whenever the server is back', async () => {
  await ask('ACL', 'SETUSER', 'narrow', 'on', '>pw', '~*', '&*', '+@all', '-client|tracking')
  await live.close()
  const before = server.proxy.totals.connections
  live = await server.connect({ username: 'narrow', password: () => 'pw' })
  const tracker = recordingTracker()
  const tracking = live.redis.track(['a:'], tracker)
  const denial = await until(() => tracking.denial('any'))
  expect(denial).toMatchObject({ code: 'NO_PERMISSION', outcome: 'not-executed' })
  expect(denial.message).toMatch(/\+client\|id \+client\|tracking \+subscribe \+ping &__redis__:invalidate$/)
  expect(tracking.mark('any')).toBeUndefined()
  const late = live.redis.track(['b:'], recordingTracker())

  await kill('commands')
  const opened = () => server.proxy.totals.connections - before
  await until(() => opened() === 4)
  await until(async () => (await links('tracking')).length === 0 && tracking.denial('any') !== denial)
  expect(tracker.changes).toEqual(['denied'])
  expect(late.denial('any')).toBe(tracking.denial('any'))

  await ask('ACL', 'SETUSER', 'narrow', '+client|tracking')
  await kill('commands')
  await markOf(tracking)
  expect(tracking.denial('any')).toBeUndefined()
  expect(tracker.changes).toEqual(['denied', 'ready'])
  expect(opened()).toBe(6)
})

test('who may not hear the channel is denied as well', async () => {
  await ask('ACL', 'SETUSER', 'deaf', 'on', '>pw', '~*', '+@all', 'resetchannels')
  await live.close()
  live = await server.connect({ username: 'deaf', password: () => 'pw' })
  const tracking = live.redis.track(['a:'], recordingTracker())
  expect(await until(() => tracking.denial('any'))).toMatchObject({ code: 'NO_PERMISSION' })
})

test('what the documentation names is all that a user needs', async () => {
  const rules = [
    '+@all',
    '-client',
    '+client|id',
    '+client|tracking',
    '-@pubsub',
    '+subscribe',
    '&__redis__:invalidate',
  ]
  await ask('ACL', 'SETUSER', 'spare', 'on', '>pw', '~*', 'resetchannels', ...rules)
  await live.close()
  live = await server.connect({ username: 'spare', password: () => 'pw' })
  await markOf(live.redis.track(['a:'], recordingTracker()))
})

test('a server that does not know the command denies', async () => {
  const own = await startRedis({ args: { 'rename-command': 'CLIENT UNKNOWN' } })
  await using without = await connectTo(own.port)
  const tracking = without.redis.track(['a:'], recordingTracker())
  expect(await until(() => tracking.denial('any'))).toMatchObject({ code: 'UNSUPPORTED' })
  await without.close()
  await own.cleanUp()
})

test('another server behind the same name vouches for nothing that the first one answers', async () => {
  const [first, second] = await Promise.all([startRedis(), startRedis()])
  let [current, taken] = [first, 0]
  const door = createServer(socket => {
    taken++
    const there = createConnection({ port: current.port, host: '127.0.0.1' })
    for (const end of [socket, there]) end.on('error', () => {})
    socket.on('close', () => there.destroy())
    there.on('close', () => socket.destroy())
    socket.pipe(there).pipe(socket)
  })
  door.listen(0, '127.0.0.1')
  await once(door, 'listening')
  await using moving = await connectTo((door.address() as AddressInfo).port)
  const tracker = recordingTracker()
  const tracking = moving.redis.track(['a:'], tracker)
  await markOf(tracking)

  current = second
  await kill('tracking', first)
  await until(() => tracker.changes.includes('lost'))
  const before = taken
  await until(() => taken > before + 2)
  expect(tracking.mark('any')).toBeUndefined()
  expect(tracker.changes).toEqual(['ready', 'lost'])
  await kill('commands', first)
  await markOf(tracking)
  await second.ask('SET', 'a:1', '1')
  await until(() => tracker.told.includes('a:1'))
  await moving.close()
  door.close()
  await Promise.all([first.cleanUp(), second.cleanUp()])
})

test('closing the client ends it', async () => {
  const tracker = recordingTracker()
  const tracking = live.redis.track(['a:'], tracker)
  await markOf(tracking)
  await live.close()
  expect(tracking.mark('any')).toBeUndefined()
  await until(async () => (await links('tracking')).length === 0)
  live.redis.track(['b:'], tracker)
  expect(tracker.changes).toEqual(['ready', 'lost'])
})
