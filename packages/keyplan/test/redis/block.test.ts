import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  startProxy,
  startRedis,
} from '@keyplan/local'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { createBlocking } from '../../src/redis/blocking.ts'
import { openLink } from '../../src/redis/link.ts'
import type { BlockOptions } from '../../src/redis/redis.ts'
import { callFor, connectTo, type LiveServer, until } from '../live-server.ts'

let server: RedisProcess
let direct: RespConnection
let proxy: FaultProxy
let live: LiveServer

beforeEach(async () => {
  server = await startRedis()
  direct = await connectResp({ port: server.port })
  proxy = await startProxy({ to: server.port })
  // So long that a test which is not about slices sees one.
  live = await connectTo(proxy.port, { slice: 60_000 })
})
afterEach(async () => {
  await live.close()
  await proxy.close()
  direct.close()
  await server.cleanUp()
})

async function reconnect(overrides: Parameters<typeof connectTo>[1]): Promise<void> {
  await live.close()
  live = await connectTo(proxy.port, overrides)
}

function pop(key: string, options: Partial<BlockOptions> = {}) {
  const slices: number[] = []
  const args = (sliceMs: number) => {
    slices.push(sliceMs)
    return [key, sliceMs / 1_000]
  }
  const reply = live.redis.block('blpop', args, { wait: Number.POSITIVE_INFINITY, ...options })
  return { reply, slices }
}
const field = async (section: string, form: RegExp) => Number(form.exec(String(await direct.ask('INFO', section)))?.[1])
const blocked = () => field('clients', /^blocked_clients:(\d+)/m)
const popsDone = () => field('commandstats', /^cmdstat_blpop:calls=(\d+)/m)
const blockingLinks = async () => String(await direct.ask('CLIENT', 'LIST')).match(/name=keyplan:test:blocking/g) ?? []

/** Eight that wait for ever take all the links there are. */
async function takeAllLinks() {
  const replies = Array.from({ length: 8 }, (_, index) => pop(`taken ${index}`).reply)
  const ended = Promise.allSettled(replies)
  await until(async () => (await blocked()) === 8)
  return { replies, ended }
}

test('what is pushed meanwhile is got, as text or as bytes, and the link is used again', async () => {
  expect(await blockingLinks()).toEqual([])
  for (const encoding of ['text', 'bytes'] as const) {
    const { reply } = pop('k', { encoding })
    await until(async () => (await blocked()) === 1)
    await direct.ask('RPUSH', 'k', 'v')
    expect(await reply).toEqual(encoding === 'text' ? ['k', 'v'] : [Buffer.from('k'), Buffer.from('v')])
  }
  expect((await blockingLinks()).length).toBe(1)
})

test('nothing within the wait is null, asked for in slices and not more often', async () => {
  await reconnect({ slice: 400 })
  const began = performance.now()
  const { reply, slices } = pop('k', { wait: 750 })
  expect(await reply).toBe(null)
  expect(performance.now() - began).toBeGreaterThanOrEqual(749)
  expect(slices.length).toBe(2)
  expect(slices[0]).toBe(400)
  expect(slices[1]).toBeGreaterThanOrEqual(1)
  expect(slices[1]).toBeLessThanOrEqual(351)
  expect(await popsDone()).toBe(2)
})

test('what comes in a later slice is got as well', async () => {
  await reconnect({ slice: 50 })
  const { reply, slices } = pop('k')
  await until(() => slices.length > 3)
  await direct.ask('RPUSH', 'k', 'v')
  expect(await reply).toEqual(['k', 'v'])
  expect(new Set(slices)).toEqual(new Set([50]))
  expect((await blockingLinks()).length).toBe(1)
})

test('a slice is three seconds unless it is set', async () => {
  await reconnect({})
  const { reply, slices } = pop('k')
  await until(async () => (await blocked()) === 1)
  await direct.ask('RPUSH', 'k', 'v')
  await reply
  expect(slices).toEqual([2_500])
})

test('a link that waits longer than the stall is not taken for a silent one', async () => {
  await reconnect({ stall: 100, slice: 500 })
  expect(await pop('k', { wait: 500 }).reply).toBe(null)
  expect((await blockingLinks()).length).toBe(1)
})

test('a signal ends the call and drops its link, so that nothing is taken unseen', async () => {
  const controller = new AbortController()
  const { reply } = pop('k', { signal: controller.signal })
  const ended = expect(reply).rejects.toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  await until(async () => (await blocked()) === 1)
  controller.abort()
  await ended
  await until(async () => (await blocked()) === 0)
  await direct.ask('RPUSH', 'k', 'v')
  expect(await direct.ask('LLEN', 'k')).toBe(1)
  expect(await blockingLinks()).toEqual([])
  expect(await pop('k').reply).toEqual(['k', 'v'])
})

test('a call whose signal has fired asks nothing, in the queue or before it', async () => {
  const { ended } = await takeAllLinks()
  const controller = new AbortController()
  const queued = pop('k', { signal: controller.signal })
  const over = expect(queued.reply).rejects.toMatchObject({ code: 'ABORTED', outcome: 'not-executed' })
  controller.abort()
  await over
  await expect(pop('k', { signal: controller.signal }).reply).rejects.toMatchObject({
    code: 'ABORTED',
    outcome: 'not-executed',
  })
  expect(queued.slices).toEqual([])
  expect(await blocked()).toBe(8)
  await live.close()
  await ended
})

test('a server that dies leaves the outcome unknown; while it is away nothing is asked', async () => {
  const { reply } = pop('k')
  const ended = expect(reply).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'unknown' })
  await until(async () => (await blocked()) === 1)
  await server.kill()
  await ended
  await until(() => live.connection.state === 'down')
  const away = pop('k')
  await expect(away.reply).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'not-executed' })
  expect(away.slices).toEqual([])
  await server.restart()
  await until(() => live.connection.state === 'ready')
  const again = pop('k')
  await live.redis.send('rpush', ['k', 'v'], callFor())
  expect(await again.reply).toEqual(['k', 'v'])
})

test('a half-open link is found after a slice and the stall', async () => {
  await reconnect({ stall: 200, slice: 100 })
  const { reply } = pop('k')
  const ended = expect(reply).rejects.toMatchObject({
    code: 'TIMEOUT',
    outcome: 'unknown',
    message: expect.stringContaining('sent nothing for 300 ms'),
  })
  await until(async () => (await blocked()) === 1)
  await proxy.blackhole()
  await ended
})

test('an error of the server is told, and the link stays', async () => {
  await direct.ask('SET', 'k', 'text')
  await expect(pop('k').reply).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  expect(await pop('other', { wait: 1 }).reply).toBe(null)
  expect((await blockingLinks()).length).toBe(1)
})

test('a link that cannot be opened is told as a call that was not executed', async () => {
  await direct.ask('CONFIG', 'SET', 'maxclients', '2')
  const { reply, slices } = pop('k')
  await expect(reply).rejects.toMatchObject({ code: 'MAX_CLIENTS', outcome: 'not-executed' })
  expect(slices).toEqual([])
  await direct.ask('CONFIG', 'SET', 'maxclients', '100')
  // In the middle of its handshake.
  await proxy.cut(40)
  await expect(pop('k').reply).rejects.toMatchObject({ code: 'DISCONNECTED', outcome: 'not-executed' })
})

test('more than eight wait in order, and commands are not held up', async () => {
  const { replies, ended } = await takeAllLinks()
  await direct.ask('RPUSH', 'tenth', 'v')
  await direct.ask('RPUSH', 'ninth', 'v')
  const order: unknown[] = []
  const late = ['ninth', 'tenth'].map(key => pop(key).reply.then(reply => order.push(reply)))
  expect(await live.redis.send('llen', ['ninth'], callFor())).toBe(1)
  expect(await blocked()).toBe(8)
  await direct.ask('RPUSH', 'taken 3', 'v')
  expect(await replies[3]).toEqual(['taken 3', 'v'])
  await Promise.all(late)
  expect(order).toEqual([
    ['ninth', 'v'],
    ['tenth', 'v'],
  ])
  expect((await blockingLinks()).length).toBe(8)
  await live.close()
  await ended
})

test('who waits for a turn is null when its wait is over, and gets one after a slice of the others', async () => {
  const { ended } = await takeAllLinks()
  const short = pop('k', { wait: 20 })
  expect(await short.reply).toBe(null)
  expect(short.slices).toEqual([])
  await reconnect({ slice: 100 })
  await ended
  const others = await takeAllLinks()
  await direct.ask('RPUSH', 'k', 'v')
  expect(await pop('k').reply).toEqual(['k', 'v'])
  await live.close()
  await others.ended
})

test('a link that nobody wants for ten seconds is closed', async () => {
  const clock = handClock()
  const endpoint = { host: '127.0.0.1', port: server.port, database: 0 }
  const settings = {
    name: 'keyplan:test',
    scripts: [],
    connectTimeout: 5_000,
    stall: 1_000,
    pingEvery: 3_000,
    flush: 100,
  }
  const blocking = createBlocking({
    serverName: () => 'here',
    open: () => openLink(settings, endpoint, 'blocking', realClock, new AbortController().signal),
    refusal: () => undefined,
    slice: 100,
    clock,
  })
  await direct.ask('RPUSH', 'k', '1', '2')
  for (const value of ['1', '2']) {
    expect(await blocking.block('blpop', () => ['k', 1], { wait: 1_000 })).toEqual(['k', value])
    await clock.advance(9_999)
    expect((await blockingLinks()).length).toBe(1)
  }
  await clock.advance(1)
  await until(async () => (await blockingLinks()).length === 0)
  await blocking.close()
})

test('closing ends those that block and those that wait for a turn', async () => {
  const { ended } = await takeAllLinks()
  const queued = expect(pop('k').reply).rejects.toMatchObject({ code: 'CLOSED', outcome: 'not-executed' })
  await live.close()
  await queued
  const results = await ended
  expect(results.map(result => result.status === 'rejected' && result.reason)).toMatchObject(
    Array(8).fill({ code: 'CLOSED', outcome: 'unknown' }),
  )
  await until(async () => (await blocked()) === 0)
  expect(await blockingLinks()).toEqual([])
  await expect(pop('k').reply).rejects.toMatchObject({ code: 'CLOSED' })
})
