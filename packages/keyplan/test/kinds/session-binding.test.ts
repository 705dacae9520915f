import { EventEmitter } from 'node:events'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import type { Found } from '../../src/kinds/session/access.ts'
import { createBindings } from '../../src/kinds/session/binding.ts'
import type { Wake } from '../../src/mechanisms/wake.ts'
import { deferred } from '../conformance/deferred.ts'
import type { SessionTerms } from '../conformance/session.ts'
import { until } from '../live-server.ts'
import { openSessions, redisHarness } from './session-harness.ts'

/** A socket as `ws` has it. */
class Socket extends EventEmitter {
  readonly closed: [code?: number, reason?: string][] = []
  close(code?: number, reason?: string): void {
    this.closed.push([code, reason])
    this.emit('close')
  }
}

describe('a socket in memory', () => {
  const open = (terms?: SessionTerms) => {
    const clock = handClock()
    const opened = openSessions({ clock, server: undefined }, terms)
    onTestFinished(() => opened.close())
    return { clock, sessions: opened.client, close: opened.close }
  }

  test('keeps its session alive while messages come, and is closed when none have come for the ttl', async () => {
    const { clock, sessions } = open({ ttl: '10m', touchEvery: '1m' })
    const { id } = await sessions.create({})
    const socket = new Socket()
    const binding = sessions({ sessionId: id }).bind(socket)
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(60_000)
      socket.emit('message', 'hello')
    }
    expect(socket.closed).toEqual([])
    expect(await sessions({ sessionId: id }).read({ touch: false })).toBeDefined()
    await clock.advance(11 * 60_000)
    expect(socket.closed).toEqual([[4401, 'session ended']])
    expect(binding.ended).toBe(true)
    expect(socket.listenerCount('message')).toBe(1)
    socket.emit('message', 'late')
    await clock.advance(60_000)
    expect(socket.closed.length).toBe(1)
  })

  test('touches at most once in touchEvery, however many messages come', async () => {
    const { clock, sessions } = open({ ttl: '10m', touchEvery: '1m' })
    const { id, lastSeen } = await sessions.create({})
    const socket = new Socket()
    sessions({ sessionId: id }).bind(socket)
    for (let message = 0; message < 100; message++) {
      await clock.advance(500)
      socket.emit('message', message)
    }
    expect((await sessions({ sessionId: id }).read({ touch: false }))!.lastSeen).toBe(lastSeen)
    await clock.advance(11_000)
    socket.emit('message', 'one more')
    await clock.advance(0)
    expect((await sessions({ sessionId: id }).read({ touch: false }))!.lastSeen).toBe(lastSeen + 61_000)
  })

  test('is left alone when it was closed, or untied, or the client is closed', async () => {
    const { clock, sessions, close } = open()
    const { id } = await sessions.create({})
    const [gone, untied, left] = [new Socket(), new Socket(), new Socket()]
    const bindings = [gone, untied, left].map(socket => sessions({ sessionId: id }).bind(socket))
    gone.emit('close')
    bindings[1]!.close()
    await close()
    await sessions({ sessionId: id }).destroy()
    await clock.advance(120_000)
    expect([gone, untied, left].flatMap(({ closed }) => closed)).toEqual([])
    expect(bindings.map(({ ended }) => ended)).toEqual([false, false, false])
  })

  test('that is closed while its session is looked for does not listen again', async () => {
    const found = deferred<Found>()
    const heard: string[] = []
    const rings = new Map<string, () => void>()
    const wake: Wake = {
      listen(channel, notice) {
        heard.push(channel)
        rings.set(channel, notice)
        return { close: () => {} }
      },
    }
    const { bind } = createBindings({
      settings: { ttlMs: 600_000, touchEveryMs: 60_000 },
      names: { wake: key => `wake ${key}` },
      access: { find: () => found.promise },
      wakes: [wake],
      clock: handClock(),
    })
    const [closed, still] = [new Socket(), new Socket()]
    bind('old', closed)
    rings.get('wake old')!()
    closed.emit('close')
    bind('other', still)
    rings.get('wake other')!()
    found.resolve({ key: 'new', record: {} as Found['record'], degraded: false })
    await until(() => heard.includes('wake new'))
    expect(heard).toEqual(['wake old', 'wake other', 'wake new'])
  })

  test('without a session is closed at once; what is no socket is refused', async () => {
    const { sessions } = open()
    const sockets = [new Socket(), new Socket()]
    sessions({ sessionId: sessions.newId() }).bind(sockets[0]!, { code: 4001, reason: 'log in' })
    sessions({ sessionId: '' }).bind(sockets[1]!)
    await until(() => sockets.every(({ closed }) => closed.length === 1))
    expect(sockets[0]!.closed).toEqual([[4001, 'log in']])
    const entry = sessions({ sessionId: sessions.newId() })
    expect(() => entry.bind({} as never)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
    for (const unsendable of [{ code: 1 }, { code: 1006 }, { code: 2999 }, { reason: 'é'.repeat(62) }]) {
      const refused = expect.objectContaining({ code: 'PARAM_INVALID' })
      expect(() => entry.bind(new Socket(), unsendable)).toThrow(refused)
    }
    expect(() => entry.bind(new Socket(), { checkEvery: '5' as never })).toThrow(/length of time/)
  })
})

describe('a socket over Redis', () => {
  let server: RedisProcess
  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.cleanUp())
  const open = async (terms?: SessionTerms) => {
    const harness = await redisHarness(server.port)
    onTestFinished(() => harness.close())
    return [await harness.client(terms), await harness.client(terms)] as const
  }

  test('is closed by a logout in another process, long before it would look', async () => {
    const [here, there] = await open({ perUser: { by: ({ userId }) => userId } })
    const made = await Promise.all(Array.from({ length: 4 }, () => here.create({ userId: 'ann' })))
    const sockets = made.map(({ id }) => {
      const socket = new Socket()
      here({ sessionId: id }).bind(socket, { checkEvery: '1h' })
      return socket
    })
    const subscribed = async () => String(await server.ask('PUBSUB', 'CHANNELS')).split('~wake').length - 1
    await until(async () => (await subscribed()) === 4)
    await there({ sessionId: made[0]!.id }).destroy()
    await there({ sessionId: made[1]!.id }).rotate()
    await until(() => sockets[0]!.closed.length === 1 && sockets[1]!.closed.length === 1)
    expect(sockets[2]!.closed.length + sockets[3]!.closed.length).toBe(0)
    await there.user('ann').endAll()
    await until(() => sockets.every(({ closed }) => closed.length === 1))
    await until(async () => (await subscribed()) === 0)
  })

  test('is not watched when it had been closed before', async () => {
    const [sessions] = await open()
    const { id } = await sessions.create({})
    const [gone, here] = [
      Object.assign(new Socket(), { readyState: 3 }),
      Object.assign(new Socket(), { readyState: 1 }),
    ]
    sessions({ sessionId: id }).bind(gone, { checkEvery: '10ms' })
    const channels = async () => ((await server.ask('PUBSUB', 'CHANNELS')) as string[]).length
    expect(await channels()).toBe(0)
    sessions({ sessionId: id }).bind(here)
    await until(async () => (await channels()) === 1)
    await sessions({ sessionId: id }).destroy()
    await until(() => here.closed.length === 1)
    expect(gone.closed).toEqual([])
  })

  test('follows its session through a rotation with a grace', async () => {
    const [here, there] = await open({ rotateGrace: '1m' })
    const { id } = await here.create({})
    const socket = new Socket()
    here({ sessionId: id }).bind(socket, { checkEvery: '1h' })
    const channels = async () => (await server.ask('PUBSUB', 'CHANNELS')) as string[]
    await until(async () => (await channels()).length === 1)
    const [first] = await channels()
    const moved = (await there({ sessionId: id }).rotate())!
    await until(async () => (await channels()).length === 1 && (await channels())[0] !== first)
    expect(socket.closed).toEqual([])
    await there({ sessionId: moved.id }).destroy()
    await until(() => socket.closed.length === 1)
  })

  test('is closed by its own looks where no notice is heard', async () => {
    const [here, there] = await open()
    const { id } = await here.create({})
    const socket = new Socket()
    here({ sessionId: id }).bind(socket, { checkEvery: '20ms' })
    await server.ask('CLIENT', 'KILL', 'TYPE', 'pubsub')
    await there({ sessionId: id }).destroy()
    await until(() => socket.closed.length === 1)
  })
})
