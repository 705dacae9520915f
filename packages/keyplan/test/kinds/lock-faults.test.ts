import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { realClock } from '../../src/base/clock.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import type { LockTestOptions } from '../conformance/lock.ts'
import { until } from '../live-server.ts'
import {
  callFor,
  connectTo,
  type LiveServer,
  openClient,
  openStore,
  type RedisLockClient,
  redisHarness,
} from './lock-redis-harness.ts'

let server: RedisProcess
let proxy: FaultProxy
let direct: Awaited<ReturnType<typeof redisHarness>>
let connection: LiveServer
const clients: RedisLockClient[] = []
const id = 'a'

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

beforeEach(async () => {
  if (!server.running) await server.restart()
  proxy = await startProxy({ to: server.port })
  direct = await redisHarness(server.port)
  connection = await connectTo(proxy.port)
})
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close()
  await connection.close()
  await direct.close()
  await proxy.close()
})

function faulty(options?: LockTestOptions): RedisLockClient {
  const client = openClient(connection, options)
  clients.push(client)
  return client
}

test('an acquire whose reply is lost ends as unknown, and the lock is soon free again', async () => {
  const { locks } = faulty({ ttl: '1h' })
  await proxy.swallowReplies()
  await expect(locks({ id }).tryAcquire({ deadline: '200ms' })).rejects.toMatchObject({ outcome: 'unknown' })
  await until(async () => (await direct.ask('EXISTS', 'lock:a')) === 1)
  await proxy.pass()
  await until(async () => (await direct.ask('EXISTS', 'lock:a')) === 0)
})

test('an acquire that is aborted on its way leaves no lock behind', async () => {
  const { locks } = faulty({ ttl: '1h' })
  const controller = new AbortController()
  await proxy.delay({ up: 100, down: 100 })
  const aborted = locks({ id }).acquire({ signal: controller.signal })
  const ended = expect(aborted).rejects.toMatchObject({ code: 'ABORTED', outcome: 'unknown' })
  setImmediate(() => controller.abort())
  await ended
  const withdrawn = async () => /cmdstat_evalsha:calls=2,/.test(String(await direct.ask('INFO', 'commandstats')))
  await until(withdrawn)
  await until(async () => (await direct.ask('EXISTS', 'lock:a')) === 0)
})

test('an acquire that is under way when the client closes leaves no lock behind', async () => {
  const { locks, close } = openClient(connection, { ttl: '1h' })
  await proxy.delay({ up: 50, down: 50 })
  const late = locks({ id }).tryAcquire()
  const ended = expect(late).rejects.toMatchObject({ code: 'CLOSED' })
  setImmediate(() => close())
  await ended
  const withdrawn = async () => /cmdstat_evalsha:calls=2,/.test(String(await direct.ask('INFO', 'commandstats')))
  await until(withdrawn)
  expect(await direct.ask('EXISTS', 'lock:a')).toBe(0)
})

test('a request that arrives after its caller gave up is refused by the server', async () => {
  const store = openStore(connection.redis)
  await proxy.delay({ up: 300 })
  const late = store.acquire(callFor(100), 'lock:a', createClaim('one'), 60_000)
  await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
  expect(await direct.ask('EXISTS', 'lock:a')).toBe(0)
})

test('the signal fires at least a tenth of the time to live before the end when no renewal comes through', async () => {
  const { locks, notices } = faulty()
  const held = (await locks({ id }).tryAcquire())!
  const fired = new Promise<number>(resolve => {
    const ends = realClock.now() + held.remaining()
    held.signal.addEventListener('abort', () => resolve(ends - realClock.now()))
  })
  await proxy.blackhole()
  // The first renewal may have been confirmed before; then the end is later than it was thought to be.
  expect(await fired).toBeGreaterThan(0)
  expect(held.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
  expect(notices.at(-1)).toMatchObject({ type: 'lock-lost', namespace: 'locks' })
})

test('renewal survives a link that breaks and comes back', async () => {
  const { locks } = faulty({ ttl: '2s' })
  const held = (await locks({ id }).tryAcquire())!
  await proxy.refuse()
  await direct.advance(900)
  await proxy.pass()
  await direct.advance(1_300)
  expect(held.signal.aborted).toBe(false)
  expect(await held.release()).toBe(true)
})

test('run gives its result when Redis dies before the release, and the release goes on in the background', async () => {
  const { locks, notices } = faulty({ ttl: '1h' })
  const result = await locks({ id }).run(async () => {
    await proxy.refuse()
    return 'done'
  })
  expect(result).toBe('done')
  expect(notices).toMatchObject([{ type: 'lock-release-failed', namespace: 'locks' }])
  expect(await direct.ask('EXISTS', 'lock:a')).toBe(1)
  await proxy.pass()
  await until(async () => (await direct.ask('EXISTS', 'lock:a')) === 0)
})

test('with whenDown fail an unreachable server is an error', async () => {
  const { locks } = faulty()
  await proxy.refuse()
  await until(() => connection.connection.state === 'down')
  await expect(locks({ id }).tryAcquire({ deadline: '200ms' })).rejects.toMatchObject({ outcome: 'not-executed' })
  const run = locks({ id }).run(() => 'never', { deadline: '200ms' })
  await expect(run).rejects.toMatchObject({ outcome: 'not-executed' })
})

test('with whenDown local this process excludes itself, says so once, and returns to Redis', async () => {
  const { locks, notices } = faulty({ whenDown: 'local' })
  await proxy.refuse()
  const held = (await locks({ id }).tryAcquire())!
  expect(held.degraded).toBe(true)
  expect(await locks({ id }).tryAcquire()).toBeUndefined()
  expect(await locks({ id }).isLocked()).toBe(true)
  const waiter = locks({ id }).run(({ degraded }) => degraded)
  expect(await held.release()).toBe(true)
  expect(await waiter).toBe(true)
  expect(notices).toEqual([{ type: 'lock-degraded', namespace: 'locks' }])

  const keptLocal = (await locks({ id }).tryAcquire())!
  expect(keptLocal.degraded).toBe(true)
  await proxy.pass()
  await until(() => locks({ id: 'other' }).run(({ degraded }) => !degraded))
  // Redis is back, but this process still holds the lock by itself.
  expect(await locks({ id }).tryAcquire()).toBeUndefined()
  expect(await keptLocal.extend()).toBe(true)
  expect(await keptLocal.release()).toBe(true)
  expect((await locks({ id }).tryAcquire())!.degraded).toBe(false)
  expect(await direct.ask('EXISTS', 'lock:a')).toBe(1)
})

test('with whenDown local a lock held in Redis still excludes this process when Redis is gone', async () => {
  const { locks } = faulty({ whenDown: 'local', ttl: '30s' })
  const held = (await locks({ id }).tryAcquire())!
  await proxy.refuse()
  expect(await locks({ id }).tryAcquire()).toBeUndefined()
  expect(await locks({ id }).inspect()).toMatchObject({ locked: true, remainingMs: expect.any(Number) })
  expect((await locks({ id: 'b' }).tryAcquire())!.degraded).toBe(true)
  await held[Symbol.asyncDispose]()
  expect((await locks({ id }).tryAcquire())!.degraded).toBe(true)
})

test('a lock that was taken while the caller fell back is withdrawn from Redis', async () => {
  const { locks } = faulty({ whenDown: 'local', ttl: '1h' })
  await proxy.swallowReplies()
  const held = (await locks({ id }).tryAcquire())!
  expect(held.degraded).toBe(true)
  expect(await direct.ask('EXISTS', 'lock:a')).toBe(1)
  await proxy.pass()
  await until(async () => (await direct.ask('EXISTS', 'lock:a')) === 0)
  expect(await held.release()).toBe(true)
})

test('a server that is killed and restarted gives the lock to a waiter', async () => {
  const { locks } = faulty({ ttl: '30s' })
  const held = (await locks({ id }).tryAcquire())!
  const other = await direct.client({ ttl: '30s' })
  const waiter = other.locks({ id }).acquire({ wait: '20s' })
  await direct.advance(50)
  await server.kill()
  await server.restart()
  const next = (await waiter)!
  expect(next.fence).toBeGreaterThan(held.fence)
})
