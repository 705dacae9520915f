import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  type RespReply,
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
async function hasAnswered(reply: Promise<RespReply>): Promise<boolean> {
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
