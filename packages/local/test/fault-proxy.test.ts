import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  startProxy,
  startRedis,
} from '../src/index.ts'

let redis: RedisProcess
let direct: RespConnection
let proxy: FaultProxy

beforeAll(async () => {
  redis = await startRedis()
  direct = await connectResp({ port: redis.port })
  return async () => {
    direct.close()
    await redis.cleanUp()
  }
})

beforeEach(async () => {
  await direct.ask('FLUSHALL')
  proxy = await startProxy({ to: redis.port })
  return proxy.close
})

afterAll(() => expect(redis.running).toBe(true))

async function connect(): Promise<RespConnection> {
  const connection = await connectResp({ port: proxy.port })
  onTestFinished(connection.close)
  return connection
}

/** Whether a reply came, asked after long enough for one that nothing holds back. */
async function hasAnswered(reply: Promise<unknown>): Promise<boolean> {
  return Promise.race([
    reply.then(
      () => true,
      () => true,
    ),
    sleep(100, false),
  ])
}

const ended = /ECONNRESET|EPIPE|closed before the reply/

test('without a fault everything arrives and is counted', async () => {
  const connection = await connect()
  const value = 'x'.repeat(1_000_000)
  expect(await connection.ask('SET', 'k', value)).toBe('OK')
  expect(await connection.ask('GET', 'k')).toBe(value)
  expect(proxy.connections).toBe(1)
  expect(proxy.totals).toMatchObject({ connections: 1, bytesSwallowed: 0 })
  expect(proxy.totals.bytesUp).toBeGreaterThan(1_000_000)
  expect(proxy.totals.bytesDown).toBeGreaterThan(1_000_000)

  connection.close()
  while (proxy.connections > 0) await sleep(1)
  expect(proxy.totals.connections).toBe(1)
})

test('refuse ends what is open and refuses what comes, until pass', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.refuse()
  await expect(connection.ask('PING')).rejects.toThrow(ended)
  await expect(connectResp({ port: proxy.port })).rejects.toThrow('ECONNREFUSED')
  await proxy.pass()
  expect(await (await connect()).ask('PING')).toBe('PONG')
})

test('reset ends what is open and what comes, until pass', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.reset()
  await expect(connection.ask('PING')).rejects.toThrow(ended)
  await expect(connect().then(late => late.ask('PING'))).rejects.toThrow(ended)
  expect(proxy.totals.connections).toBe(2)
  await proxy.pass()
  expect(await (await connect()).ask('PING')).toBe('PONG')
})

test('a black hole takes bytes and connections in silence, and gives the bytes back', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.blackhole()
  const write = connection.ask('SET', 'k', 'v')
  const late = (await connect()).ask('GET', 'k')
  expect(await hasAnswered(write)).toBe(false)
  expect(await hasAnswered(late)).toBe(false)
  expect(await direct.ask('EXISTS', 'k')).toBe(0)

  await proxy.pass()
  expect(await write).toBe('OK')
  await late
  expect(await direct.ask('GET', 'k')).toBe('v')
})

test('a swallowed reply is of a command that was executed, and its connection ends afterwards', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.swallowReplies()
  const reply = connection.ask('INCR', 'n')
  while ((await direct.ask('GET', 'n')) !== '1') await sleep(1)
  expect(await hasAnswered(reply)).toBe(false)
  expect(proxy.totals.bytesSwallowed).toBe(':1\r\n'.length)

  await proxy.pass()
  await expect(reply).rejects.toThrow(ended)
  expect(await direct.ask('GET', 'n')).toBe('1')
})

test('a connection that lost no reply outlives the swallowing', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.swallowReplies()
  await proxy.pass()
  expect(await connection.ask('PING')).toBe('PONG')
})

test('a cut ends a connection in the middle of a reply', async () => {
  const connection = await connect()
  await direct.ask('SET', 'k', 'a value that is cut')
  const before = proxy.totals.bytesDown
  await proxy.cut(9)
  await expect(connection.ask('GET', 'k')).rejects.toThrow('closed before the reply')
  expect(proxy.totals.bytesDown - before).toBe(9)

  const short = await connect()
  expect(await short.ask('PING')).toBe('PONG')
  await expect(short.ask('PING')).rejects.toThrow('closed before the reply')
})

test('a delay holds replies back without changing their order', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.delay({ down: 150 })
  const startedAt = performance.now()
  const replies = Promise.all([connection.ask('INCR', 'n'), connection.ask('INCR', 'n'), connection.ask('INCR', 'n')])
  while ((await direct.ask('GET', 'n')) !== '3') await sleep(1)
  // Sent before that reply, so read by the proxy before the next one comes.
  await direct.ask('PING')
  await proxy.pass()
  const last = connection.ask('INCR', 'n')
  expect(await replies).toEqual([1, 2, 3])
  expect(await last).toBe(4)
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150)
})

test('a delayed request reaches the server later', async () => {
  const connection = await connect()
  await connection.ask('PING')
  await proxy.delay({ up: 150 })
  const startedAt = performance.now()
  const reply = connection.ask('SET', 'k', 'v')
  expect(await direct.ask('EXISTS', 'k')).toBe(0)
  expect(await reply).toBe('OK')
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(150)
})

test('a server that is down ends the connections to it', async () => {
  const other = await startRedis()
  onTestFinished(other.cleanUp)
  const toOther = await startProxy({ to: other.port })
  onTestFinished(toOther.close)
  const connection = await connectResp({ port: toOther.port })
  expect(await connection.ask('PING')).toBe('PONG')
  await other.kill()
  await expect(connection.ask('PING')).rejects.toThrow(ended)
  const late = connectResp({ port: toOther.port }).then(connection => connection.ask('PING'))
  await expect(late).rejects.toThrow(ended)
})

test('a unix socket can be the target', async () => {
  const other = await startRedis({ socket: true })
  onTestFinished(other.cleanUp)
  const toOther = await startProxy({ to: other.socketPath! })
  onTestFinished(toOther.close)
  const connection = await connectResp({ port: toOther.port })
  onTestFinished(connection.close)
  expect(await connection.ask('PING')).toBe('PONG')
  await toOther.reset()
  await expect(connection.ask('PING')).rejects.toThrow(ended)
})

test('a corrupted reply is garbage from the byte that was asked for, and of its length', async () => {
  const connection = await connect()
  await connection.ask('SET', 'k', 'abcdef')
  await proxy.corrupt(4 + 3)
  // `$6\r\nabc` arrives whole.
  expect(await connection.ask('GET', 'k')).toBe(Buffer.from('abc\x9b\x9a\x99', 'latin1').toString())

  await proxy.corrupt()
  expect(String(await connection.ask('GET', 'k'))).toContain('not RESP2')
  await proxy.pass()
  expect(await (await connect()).ask('GET', 'k')).toBe('abcdef')
})

test('a trickling reply arrives piece by piece, and the rest of it at once when the fault ends', async () => {
  const connection = await connect()
  const value = 'x'.repeat(10_000)
  await connection.ask('SET', 'k', value)
  const before = proxy.totals.bytesDown
  await proxy.trickle({ bytes: 3, every: 2 })
  const reply = connection.ask('GET', 'k')
  const seen = new Set<number>()
  while (seen.size < 5) {
    seen.add(proxy.totals.bytesDown - before)
    await sleep(1)
  }
  expect([...seen].every(bytes => bytes % 3 === 0 && bytes < 10_000)).toBe(true)
  await proxy.pass()
  expect(await reply).toBe(value)
})

test('drop resets what is open and leaves the fault in force', async () => {
  const first = await connect()
  await first.ask('PING')
  await proxy.swallowReplies()
  proxy.drop()
  await expect(first.ask('PING')).rejects.toThrow(ended)
  const write = (await connect()).ask('SET', 'k', 'v').catch(() => undefined)
  while ((await direct.ask('GET', 'k')) !== 'v') await sleep(1)
  expect(await hasAnswered(write)).toBe(false)
})

test('one connection of several can be broken, and is found by its port at the server', async () => {
  const [sick, sound] = [await connect(), await connect()]
  await sound.ask('PING')
  const port = /addr=127\.0\.0\.1:(\d+)/.exec(String(await sick.ask('CLIENT', 'INFO')))?.[1]
  const link = proxy.links.find(({ portAtServer }) => portAtServer === Number(port))
  link!.apply({ kind: 'swallowReplies' })
  const lost = sick.ask('INCR', 'n').catch((error: Error) => error)
  while ((await direct.ask('GET', 'n')) !== '1') await sleep(1)
  expect(await sound.ask('INCR', 'n')).toBe(2)
  expect(await hasAnswered(lost)).toBe(false)
  expect(link!.traffic.bytesSwallowed).toBe(':1\r\n'.length)
  link!.reset()
  expect(String(await lost)).toMatch(ended)
  expect(await sound.ask('INCR', 'n')).toBe(3)
})

test('connections that were turned away are counted', async () => {
  await proxy.reset()
  for (let attempt = 0; attempt < 3; attempt++) {
    await expect(connect().then(late => late.ask('PING'))).rejects.toThrow(ended)
  }
  expect(proxy.totals).toMatchObject({ connections: 3, turnedAway: 3, bytesUp: 0 })
})

test.runIf(process.platform === 'linux')('an exempt address meets no fault and is not counted', async () => {
  const other = await startProxy({ to: redis.port, exempt: '127.0.0.2' })
  onTestFinished(other.close)
  const spared = createConnection({ port: other.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  onTestFinished(() => void spared.destroy())
  const hit = await connectResp({ port: other.port })
  await hit.ask('PING')
  await other.refuse()
  await expect(hit.ask('PING')).rejects.toThrow(ended)
  spared.write('PING\r\n')
  expect(String((await once(spared, 'data'))[0])).toBe('+PONG\r\n')
  expect(other.totals.connections).toBe(1)
})

test('a port stays its proxy’s while it refuses', async () => {
  await proxy.refuse()
  await expect(claimed(proxy.port)).rejects.toThrow('EADDRINUSE')
  await proxy.close()
  await claimed(proxy.port)
})

/** Whether the port can be claimed as proxies and servers do: by a UDP socket of the same number. */
async function claimed(port: number): Promise<void> {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  socket.bind({ port, address: '127.0.0.1', exclusive: true })
  await once(socket, 'listening')
}
