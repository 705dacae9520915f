import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net'
import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectTo, type LiveServer, type openTo, sender, until } from '../live-server.ts'

let server: RedisProcess
let proxy: FaultProxy
let live: LiveServer

beforeEach(async () => {
  server = await startRedis()
  proxy = await startProxy({ to: server.port })
  live = await connectTo(server.port)
})
afterEach(async () => {
  await live.close()
  await proxy.close()
  await server.cleanUp()
})

const told = (type: 'ready' | 'lost' | 'attempt-failed') => live.events.filter(event => event.type === type)
const echo = (text: string, deadline: '5s' | '200ms' = '5s') => sender(live)('echo', [text], { deadline })

/** Busy without a pause, as a handler that computes. */
function block(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('after kill -9 and a restart the first call succeeds, on one new link', async () => {
  await server.kill()
  await until(() => live.connection.state === 'down')
  const held = echo('held')
  await server.restart()
  expect(await held).toBe('held')
  expect(await echo('next')).toBe('next')
  expect([told('ready').length, told('lost').length]).toEqual([2, 1])
})

test('a server that hangs is given up with its link, and nothing waits for it longer than allowed', async () => {
  await server.pause()
  const short = await Promise.allSettled(Array.from({ length: 50 }, () => echo('x', '200ms')))
  expect(short.map(result => result.status === 'rejected' && result.reason.outcome)).toEqual(Array(50).fill('unknown'))
  // A write that is not idempotent ends with the link.
  await expect(echo('lost')).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'unknown' })
  await until(() => told('lost').length === 1)
  const held = echo('held')
  server.resume()
  expect(await held).toBe('held')
})

test('a half-open link that carries no calls is found by its pings', async () => {
  live = await replaced({ pingEvery: 200, stall: 200 })
  await proxy.blackhole()
  await until(() => told('lost').length === 1)
  expect(live.connection.error?.message).toMatch(/sent nothing for 200 ms/)
  await proxy.pass()
  await until(() => live.connection.state === 'ready')
})

test('a half-open subscriber link is found by its pings, and its loss is told as a gap', async () => {
  live = await replaced({ pingEvery: 200, stall: 200 })
  const heard: string[] = []
  await live.redis.subscribe('news', { message: text => heard.push(text), gap: () => heard.push('gap') })
  await proxy.blackhole()
  // Both links are pinged as often, so the other one is given up as well by then.
  await until(() => told('attempt-failed').length === 2)
  await proxy.pass()
  await until(() => heard.includes('gap'))
  await echo('x')
  await sender(live)('publish', ['news', 'again'])
  await until(() => heard.includes('again'))
  expect(heard).toEqual(['gap', 'again'])
})

test('an idle link that the server closes is replaced without an error to anyone', async () => {
  await sender(live)('config', ['SET', 'timeout', '1'])
  await until(() => told('lost').length === 1)
  expect(await echo('x')).toBe('x')
})

test('a blocked event loop is not taken for a server that is down', async () => {
  // Each block is longer than what a link may be silent.
  live = await replaced({ stall: 300, pingEvery: 300, attempt: 300 })
  // Not even written when the block begins, then written and answered, then idle.
  const unwritten = echo('unwritten')
  block(800)
  expect(await unwritten).toBe('unwritten')

  const written = Promise.all(Array.from({ length: 200 }, (_, index) => echo(`${index}`)))
  await new Promise(resolve => setImmediate(resolve))
  block(800)
  expect((await written).length).toBe(200)

  const subscription = await live.redis.subscribe('news', { message: () => {} })
  block(800)
  expect(await echo('after')).toBe('after')
  subscription.close()
  expect([told('ready').length, told('lost').length]).toEqual([1, 0])
  expect(live.breaker.state).toBe('closed')
})

test('a paused server delays calls and opens nothing', async () => {
  await sender(live)('client', ['PAUSE', '800', 'ALL'])
  const calls = Array.from({ length: 20 }, (_, index) => sender(live, { idempotent: true })('echo', [`${index}`]))
  expect((await Promise.all(calls)).length).toBe(20)
  expect(live.breaker.state).toBe('closed')
})

test('a server that refuses is asked again at growing intervals, and one at a time', async () => {
  live = await replaced({ backoff: { min: 10, max: 2_000 } })
  await proxy.refuse()
  await until(() => told('attempt-failed').length === 4)
  await proxy.pass()
  await until(() => told('ready').length === 2)
  expect(proxy.totals.connections).toBe(2)
})

test('bytes that are no reply end the link and reach nobody', async () => {
  await using garbler = await startGarbler(server.port)
  live = await replaced({}, garbler.port)
  await expect(echo('garble')).rejects.toMatchObject({ code: 'PROTOCOL', outcome: 'unknown' })
  expect(await echo('clean')).toBe('clean')
  expect(told('ready').length).toBe(2)
})

async function replaced(overrides: Parameters<typeof openTo>[1], port = proxy.port): Promise<LiveServer> {
  await live.close()
  return connectTo(port, overrides)
}

/** A way to the server that answers with nonsense when it hears the word. */
async function startGarbler(to: number) {
  const sockets = new Set<Socket>()
  const listener = createServer(client => {
    const upstream = createConnection({ port: to, host: '127.0.0.1' })
    client.on('data', chunk => (chunk.includes('garble') ? client.write('?what\r\n') : upstream.write(chunk)))
    upstream.on('data', chunk => client.write(chunk))
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}))
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  return {
    port: (listener.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise(resolve => listener.close(resolve))
    },
  }
}
