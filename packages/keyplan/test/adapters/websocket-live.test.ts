import { once } from 'node:events'
import { createServer } from 'node:http'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { sendToSocket } from '../../src/adapters/websocket.ts'
import { connect } from '../../src/client/index.ts'
import { definePlan, feed, json, session, text } from '../../src/index.ts'
import { until } from '../live-server.ts'
import { listening } from './http/listening.ts'

const plan = definePlan('sockets', {
  thoughts: feed('thoughts:<id>', { value: text(), ttl: '1h', keep: 20 }),
  login: session('session:<sessionId>', { value: json<object>(), ttl: '1h', touchEvery: '1ms' }),
})

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

async function open() {
  const redis = await connect(plan, { url: server.url, log: false })
  onTestFinished(() => redis.$close())
  return redis
}

/** A WebSocket server over HTTP, and browsers of it. */
async function serve(welcome: (socket: WebSocket, lastEventId: string | undefined) => unknown) {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http })
  sockets.on('connection', (socket, { headers }) => welcome(socket, headers['last-event-id']?.toString()))
  const { url, close } = await listening(http.listen(0, '127.0.0.1'))
  onTestFinished(async () => {
    for (const socket of sockets.clients) socket.terminate()
    await close()
  })
  return async (lastEventId?: string) => {
    const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    const socket = new WebSocket(url.replace('http', 'ws'), { headers })
    const got: { id?: string; value?: string; gap?: object }[] = []
    socket.on('message', data => got.push(JSON.parse(String(data))))
    await once(socket, 'open')
    return { socket, got, values: () => got.flatMap(({ value }) => value ?? []) }
  }
}

test('a client that comes back goes on behind its last id, over a connection of its own', async () => {
  const redis = await open()
  const thoughts = redis.thoughts({ id: 'resumed' })
  const browse = await serve((socket, lastEventId) => sendToSocket(thoughts, socket, { lastEventId, from: 'start' }))
  for (const value of ['1', '2']) await thoughts.append(value)
  const first = await browse()
  await until(() => first.got.length === 2)
  first.socket.terminate()
  await until(() => redis.$stats().namespaces.thoughts!.feed!.followers === 0)
  for (const value of ['3', '4']) await thoughts.append(value)
  const second = await browse(first.got.at(-1)!.id)
  await until(() => second.got.length === 2)
  await thoughts.append('5')
  await until(() => second.got.length === 3)
  expect([first.values(), second.values()]).toEqual([
    ['1', '2'],
    ['3', '4', '5'],
  ])
})

test('a client that does not read costs what may wait for it, and is told what was gone by then', async () => {
  const redis = await open()
  const thoughts = redis.thoughts({ id: 'slow' })
  const ends: WebSocket[] = []
  const browse = await serve(socket => {
    ends.push(socket)
    return sendToSocket(thoughts, socket, { from: 'start' })
  })
  const { socket, got, values } = await browse()
  await until(() => ends.length === 1)
  socket.pause()
  const size = 256 * 1024
  let most = 0
  const count = 100
  for (let n = 1; n <= count; n++) {
    await thoughts.append(String(n).padEnd(size, '.'))
    most = Math.max(most, ends[0]!.bufferedAmount)
  }
  // What the network takes is its own; of the rest one entry stands above the bound.
  expect(most).toBeGreaterThan(64 * 1024)
  expect(most).toBeLessThan(2 * size)
  socket.resume()
  await until(() => values().at(-1)?.startsWith(`${count}.`) === true)
  expect(got.filter(({ gap }) => gap).length).toBe(1)
  expect(values().length).toBeLessThan(count)
})

test('a socket ends with its session: by a logout elsewhere, or when nobody has used it', async () => {
  const [redis, other] = [await open(), await open()]
  const ids = await Promise.all([1, 2].map(async () => (await redis.login.create({})).id))
  const waiting = [...ids]
  const browse = await serve(socket =>
    redis.login({ sessionId: waiting.shift()! }).bind(socket, { checkEvery: '50ms' }),
  )
  const closes: [number, string][] = []
  const sockets = [await browse(), await browse()]
  for (const { socket } of sockets) socket.on('close', (code, reason) => closes.push([code, String(reason)]))

  const lastSeen = async () => (await other.login({ sessionId: ids[1]! }).read({ touch: false }))!.lastSeen
  const before = await lastSeen()
  await until(async () => {
    sockets[1]!.socket.send('here')
    return (await lastSeen()) > before
  })

  await other.login({ sessionId: ids[0]! }).destroy()
  await until(() => closes.length === 1)
  expect(sockets[1]!.socket.readyState).toBe(WebSocket.OPEN)
  for (const key of (await server.ask('KEYS', 'session:*')) as string[]) await server.ask('PEXPIRE', key, '1')
  await until(() => closes.length === 2)
  expect(closes).toEqual([
    [4401, 'session ended'],
    [4401, 'session ended'],
  ])
})
