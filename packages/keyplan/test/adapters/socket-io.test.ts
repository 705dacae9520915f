import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Cluster, connectResp, type RedisProcess, startCluster, startRedis } from '@keyplan/local'
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter'
import { Server } from 'socket.io'
import { type Socket as Browser, io } from 'socket.io-client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { socketClient } from '../../src/adapters/socket-io.ts'
import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import { channel, definePlan, text } from '../../src/index.ts'
import { until } from '../live-server.ts'

const plan = definePlan('chat', {
  sockets: channel('sockets:<channel...>', { value: text() }),
  strict: channel('strict:<channel...>', { value: text(), whenDown: 'fail' }),
  shards: channel('shards:<channel...>', { value: text(), sharded: true }),
  pair: channel('pair:<a>:<b>', { value: text() }),
})

type Redis = Client<(typeof plan)['namespaces']>

let redisServer: RedisProcess
const endings: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  redisServer = await startRedis()
})
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})
afterAll(() => redisServer.cleanUp())

async function client(
  where: Pick<ConnectOptions, 'url' | 'cluster' | 'memory'> = { url: redisServer.url },
): Promise<Redis> {
  const redis = await connect(plan, {
    ...where,
    log: false,
    deadline: '1s',
    attempt: '500ms',
  })
  endings.push(() => redis.$close())
  return redis
}

type Make = (redis: Redis) => Parameters<Server['adapter']>[0]

const classic: Make = redis => {
  const sockets = socketClient(redis, redis.sockets)
  return createAdapter(sockets, sockets, { requestsTimeout: 10_000 })
}

const sharded: Make = redis => {
  const sockets = socketClient(redis, redis.shards)
  return createShardedAdapter(sockets, sockets)
}

/** A Socket.IO server with a connection of its own, which lets in a browser. */
async function application(make: Make, redis?: Redis) {
  const own = redis ?? (await client())
  const http = createServer()
  const server = new Server(http)
  const adapter = make(own)
  if (adapter) server.adapter(adapter)
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  endings.push(() => server.close())
  const { port } = http.address() as AddressInfo
  const heard: unknown[] = []
  const browser: Browser = io(`http://127.0.0.1:${port}`, { transports: ['websocket'], forceNew: true })
  endings.push(async () => browser.disconnect())
  browser.on('news', (news, answer?: (heard: string) => void) => {
    heard.push(news)
    answer?.('thanks')
  })
  const joined = new Promise<void>(resolve => {
    server.on('connection', socket => {
      void socket.join('room')
      resolve()
    })
  })
  await joined
  return { server, redis: own, heard, browser }
}

type Application = Awaited<ReturnType<typeof application>>

/** Until a broadcast of one is heard by those who listen to the other. */
async function joinedUp(one: Application, other: Application): Promise<void> {
  await until(async () => {
    const [here, there] = await Promise.all([one, other].map(({ server }) => server.fetchSockets().catch(() => [])))
    return here?.length === 2 && there?.length === 2
  })
}

test('two servers broadcast, ask and answer across, in text and in bytes', async () => {
  const [one, other] = [await application(classic), await application(classic)]
  await joinedUp(one, other)
  one.server.emit('news', { text: 'ü', bytes: Buffer.from([0, 127, 128, 255]) })
  for (const { heard } of [one, other]) {
    await until(() => heard.length === 1)
    expect(heard).toEqual([{ text: 'ü', bytes: Buffer.from([0, 127, 128, 255]) }])
  }
  other.server.to('room').except(other.browser.id!).emit('news', 'across')
  await until(() => one.heard.length === 2)
  expect([one.heard[1], other.heard.length]).toEqual(['across', 1])

  expect(await one.server.timeout(10_000).emitWithAck('news', 'who')).toEqual(['thanks', 'thanks'])
  other.server.on('sum', (a: number, b: number, answer: (sum: number) => void) => answer(a + b))
  expect(await one.server.serverSideEmitWithAck('sum', 1, 2)).toEqual([3])
  one.server.in(other.browser.id!).disconnectSockets()
  await until(() => !other.browser.connected)
})

test('after an outage of Redis they hear each other again; meanwhile each goes on by itself', async () => {
  const [one, other] = [await application(classic), await application(classic)]
  await joinedUp(one, other)
  await redisServer.kill()
  await until(() => one.redis.$status.state !== 'connected' && other.redis.$status.state !== 'connected')
  one.server.emit('news', 'alone')
  await until(() => one.heard.length === 1)
  await redisServer.restart()
  await joinedUp(one, other)
  one.server.emit('news', 'together')
  // What was published meanwhile may come late, or not at all.
  await until(() => other.heard.at(-1) === 'together')
  await until(() => one.heard.length === 2)
  expect(one.heard).toEqual(['alone', 'together'])
})

test('a server that is closed listens no more, and another one takes its place', async () => {
  const [one, other] = [await application(classic), await application(classic)]
  await joinedUp(one, other)
  await other.server.close()
  await until(async () => (await one.server.fetchSockets()).length === 1)
  const next = await application(classic)
  await joinedUp(one, next)
  next.server.emit('news', 'new')
  await until(() => one.heard.length === 1)
})

test('what could not be published is told as an error and ends nothing', async () => {
  const redis = await client()
  const sockets = socketClient(redis, redis.strict)
  const errors: unknown[] = []
  sockets.on('error', error => errors.push(error))
  expect(await sockets.publish('a', 'text')).toBe(0)
  await redisServer.kill()
  await until(() => redis.$status.state !== 'connected')
  expect(await sockets.publish('a', 'text')).toBe(0)
  expect(errors).toHaveLength(1)
  await redisServer.restart()
})

test('the sharded adapter has channels that stay with their slot', async () => {
  const [one, other] = [await application(sharded), await application(sharded)]
  await joinedUp(one, other)
  one.server.to('room').emit('news', Buffer.from([200]))
  for (const { heard } of [one, other]) {
    await until(() => heard.length === 1)
    expect(heard).toEqual([Buffer.from([200])])
  }
})

describe('on a Cluster', () => {
  let cluster: Cluster
  beforeAll(async () => {
    cluster = await startCluster({ replicas: 0 })
  })
  afterAll(() => cluster.stop())
  const open = () => client({ cluster: { addresses: cluster.nodes.map(({ port }) => `127.0.0.1:${port}`) } })

  test.each([
    ['the adapter', classic],
    ['the sharded adapter', sharded],
  ])('servers are joined by %s', async (_, make) => {
    const [one, other] = [await application(make, await open()), await application(make, await open())]
    await joinedUp(one, other)
    one.server.to('room').emit('news', Buffer.from([200]))
    for (const { heard } of [one, other]) await until(() => heard.length === 1)
    expect(await one.server.timeout(10_000).emitWithAck('news', 'who')).toEqual(['thanks', 'thanks'])
    other.server.on('sum', (a: number, b: number, answer: (sum: number) => void) => answer(a + b))
    expect(await one.server.serverSideEmitWithAck('sum', 1, 2)).toEqual([3])
  })

  test('those who listen are counted at every node, and of a sharded channel at its own', async () => {
    const redis = await open()
    const counted = (what: string, name: 'sockets' | 'shards') =>
      socketClient(redis, redis[name]).sendCommand(['PUBSUB', what, 'a'])
    for (const { port } of [...cluster.nodes, cluster.nodes[0]!]) {
      const listener = await connectResp({ port })
      endings.push(async () => listener.close())
      await listener.ask('SUBSCRIBE', 'sockets:a')
    }
    expect(await counted('NUMSUB', 'sockets')).toEqual(['a', 4])
    await redis.shards({ channel: 'a' }).subscribe(() => {})
    expect(await counted('SHARDNUMSUB', 'shards')).toEqual(['a', 1])
  })
})

test('in memory servers of one process share the client', async () => {
  const redis = await client({ memory: true })
  const [one, other] = [await application(classic, redis), await application(classic, redis)]
  one.server.emit('news', 'here')
  await until(() => one.heard.length === 1 && other.heard.length === 1)
})

test('what is wrong is said when it is made', async () => {
  const redis = await client({ memory: true })
  const make = socketClient as (client: unknown, namespace: unknown) => unknown
  const refused = (code: string) => expect.objectContaining({ code })
  expect(() => make({}, redis.sockets)).toThrow(refused('PARAM_INVALID'))
  expect(() => make(redis, {})).toThrow(refused('PARAM_INVALID'))
  expect(() => make(redis, redis.pair)).toThrow(refused('PLAN_INVALID'))
})
