import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { until } from '../live-server.ts'
import { callFor, connectTo, type LiveServer, openStore, redisHarness } from './lock-redis-harness.ts'

let server: RedisProcess
let harness: Awaited<ReturnType<typeof redisHarness>>
let connection: LiveServer
const id = 'a'
const key = 'lock:a'
const line = '{lock:a}:~line'
const ttlMs = 60_000
const seat = { ms: 10_000, again: false }

/** Hardly ever asks by itself: whoever has no notice gets nothing. */
const drowsy = { attempts: 2, delay: '30m' } as const

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())
beforeEach(async () => {
  harness = await redisHarness(server.port)
  connection = await connectTo(server.port)
})
afterEach(async () => {
  await connection.close()
  await harness.close()
})

/** A process that asks, and hears nothing. On a server that cannot tell, `alone` is false. */
function deaf(name: string, alone: boolean) {
  const store = openStore(connection.redis, `host:1:${name}`, alone)
  const claim = createClaim(`host:1:${name}/1`)
  return {
    ask: (place: typeof seat | undefined = seat) => store.acquire(callFor(), key, claim, ttlMs, place),
    release: () => store.release(callFor(), key, claim),
    leave: () => store.leave(callFor(), key),
    inspect: () => store.inspect(callFor(), key),
  }
}

/** So that a test that is held up finds it still kept for who is next. */
const keepLonger = () => harness.ask('PEXPIRE', key, '60000')

const waiting = async () => Number(await harness.ask('ZCOUNT', line, '0', '+inf'))

test('processes get it in the order they came, each by one notice', async () => {
  const holder = await harness.client()
  const held = (await holder.locks({ id }).tryAcquire())!
  const order: number[] = []
  const waiters: Promise<void>[] = []
  for (let number = 0; number < 6; number++) {
    const { locks } = await harness.client()
    waiters.push(locks({ id }).run(() => void order.push(number), drowsy))
    await until(async () => (await waiting()) === number + 1)
  }
  await held.release()
  await Promise.all(waiters)
  expect(order).toEqual([0, 1, 2, 3, 4, 5])
  expect(await harness.ask('EXISTS', line)).toBe(0)
})

test('processes take turns, however many wait in each', async () => {
  const holder = await harness.client()
  const held = (await holder.locks({ id }).tryAcquire())!
  const order: string[] = []
  const waiters: Promise<void>[] = []
  for (const name of ['a', 'b']) {
    const { locks } = await harness.client()
    for (let count = 0; count < 3; count++) waiters.push(locks({ id }).run(() => void order.push(name), drowsy))
    await until(async () => (await waiting()) === waiters.length / 3)
  }
  await held.release()
  await Promise.all(waiters)
  expect(order.join('')).toBe('ababab')
})

test('ten processes that want it again and again need at most four requests a hand-over', async () => {
  const clients = await Promise.all(Array.from({ length: 10 }, () => harness.client({ ttl: '30s' })))
  // Everybody has waited once, so that all listen.
  const held = (await clients[0]!.locks({ id }).tryAcquire())!
  const first = clients.map(({ locks }) => locks({ id }).run(() => {}))
  await until(async () => (await waiting()) === 10)
  await held.release()
  await Promise.all(first)
  await harness.ask('CONFIG', 'RESETSTAT')
  let inside = 0
  const contend = async ({ locks }: (typeof clients)[number]) => {
    for (let round = 0; round < 30; round++) {
      await locks({ id }).run(async () => {
        expect(++inside).toBe(1)
        await new Promise(setImmediate)
        inside--
      }, drowsy)
    }
  }
  await Promise.all(clients.map(contend))
  const stats = String(await harness.ask('INFO', 'commandstats'))
  const requests = ['evalsha', 'subscribe', 'unsubscribe'].map(name =>
    Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0),
  )
  expect(requests.reduce((sum, calls) => sum + calls) / 300).toBeLessThanOrEqual(4)
})

test('what is kept for the one who is next, no other takes', async () => {
  const [holder, next, other] = [deaf('holder', false), deaf('next', false), deaf('other', false)]
  await holder.ask()
  expect(await next.ask()).toMatchObject({ granted: false })
  expect(await holder.release()).toBe(true)
  await keepLonger()
  expect(await holder.inspect()).toMatchObject({ locked: true, holder: undefined })
  expect(await other.ask(undefined)).toMatchObject({ granted: false })
  expect(await other.ask()).toMatchObject({ granted: false })
  const granted = await next.ask()
  expect(granted).toMatchObject({ granted: true })
  expect(await harness.ask('PTTL', key)).toBeGreaterThan(ttlMs - 5_000)
  expect(await next.release()).toBe(true)
  expect(await other.ask()).toMatchObject({ granted: true })
})

test('whoever does not come is passed over after half a second', async () => {
  const [holder, dead, next] = [deaf('holder', false), deaf('dead', false), deaf('next', false)]
  await holder.ask()
  await dead.ask()
  await next.ask()
  await holder.release()
  expect(await harness.ask('PTTL', key)).toBeLessThanOrEqual(500)
  await keepLonger()
  expect(await harness.ask('GET', key)).toBe('>lock:~wake:host:1:dead')
  expect(await next.ask()).toMatchObject({ granted: false })
  await harness.ask('PEXPIRE', key, '1')
  await until(async () => (await next.ask()).granted)
  expect(await next.release()).toBe(true)
  expect(await dead.ask()).toMatchObject({ granted: true })
})

test('whom the server knows to be deaf is passed over at once', async () => {
  const [holder, dead, gone, next] = [deaf('holder', true), deaf('dead', true), deaf('gone', true), deaf('next', true)]
  await harness.ask('SUBSCRIBE', 'lock:~wake:host:1:next')
  await holder.ask()
  for (const waiter of [dead, gone, next]) await waiter.ask()
  await holder.release()
  expect(await connection.redis.send('get', [key], callFor())).toBe('>lock:~wake:host:1:next')
  expect(await next.ask()).toMatchObject({ granted: true })
})

test('a place ends with its time, and a line that nobody is in leaves nothing behind', async () => {
  const [holder, brief, next] = [deaf('holder', false), deaf('brief', false), deaf('next', false)]
  await holder.ask()
  await brief.ask({ ms: 20, again: false })
  await next.ask()
  await harness.advance(40)
  await holder.release()
  expect(await harness.ask('GET', key)).toBe('>lock:~wake:host:1:next')
  await next.leave()
  expect(await harness.ask('EXISTS', key, line)).toBe(0)
})

test('a lock that ended by itself goes to the head of the line, whoever asks', async () => {
  const [head, other] = [deaf('head', false), deaf('other', false)]
  const store = openStore(connection.redis, 'host:1:holder', false)
  await store.acquire(callFor(), key, createClaim('host:1:holder/1'), 100)
  await head.ask()
  await other.ask()
  await until(async () => (await harness.ask('EXISTS', key)) === 0)
  expect(await other.ask()).toMatchObject({ granted: false })
  expect(await head.ask()).toMatchObject({ granted: true })
})

test('of the claims that one call has for a lock, one is granted, and nobody else is called', async () => {
  const store = openStore(connection.redis, 'host:1:one', false)
  const claims = ['1', '2', '3'].map(number => createClaim(`host:1:one/${number}`))
  const [waiter, hasty, other] = claims.map((claim, index) => ({ key, claim, seat: index === 1 ? undefined : seat }))
  const next = deaf('next', false)
  const stage = async () => {
    await harness.ask('DEL', line)
    await harness.ask('SET', key, 'gone', 'PX', '60000')
    await store.acquire(callFor(), key, waiter!.claim, ttlMs, seat)
    await next.ask()
    await harness.ask('DEL', key)
  }
  for (const requests of [
    [waiter!, hasty!],
    [waiter!, other!],
  ]) {
    await stage()
    const answers = await store.acquireMany(callFor(), requests, ttlMs)
    expect(answers).toMatchObject([{ granted: true }, { granted: false }])
    expect(await harness.ask('ZSCORE', line, '+lock:~wake:host:1:next')).not.toBeNull()
    expect(await store.release(callFor(), key, waiter!.claim)).toBe(true)
    expect(await next.ask()).toMatchObject({ granted: true })
    await next.release()
  }

  // What is kept for a process goes to one of its claims as well.
  await stage()
  await harness.ask('SET', key, '>lock:~wake:host:1:one')
  expect(await store.acquireMany(callFor(), [waiter!, other!], ttlMs)).toMatchObject([
    { granted: true },
    { granted: false },
  ])
  expect(await store.extend(callFor(), key, waiter!.claim, ttlMs)).toBeDefined()
})

test('whoever waits for what an earlier claim of the same call got has a place in line', async () => {
  const store = openStore(connection.redis, 'host:1:one', false)
  const [hasty, waiter] = ['1', '2'].map(number => createClaim(`host:1:one/${number}`))
  const requests = [
    { key, claim: hasty! },
    { key, claim: waiter!, seat },
  ]
  expect(await store.acquireMany(callFor(), requests, ttlMs)).toMatchObject([{ granted: true }, { granted: false }])
  expect(await waiting()).toBe(1)
  expect(await store.release(callFor(), key, hasty!)).toBe(true)
  expect(await harness.ask('GET', key)).toBe('>lock:~wake:host:1:one')
})

test('a call that asks twice for a lock that came free calls the first of the line alone', async () => {
  const [head, second] = [deaf('head', false), deaf('second', false)]
  await harness.ask('SET', key, 'gone', 'PX', '60000')
  await head.ask()
  await second.ask()
  await harness.ask('DEL', key)
  const store = openStore(connection.redis, 'host:1:one', false)
  const requests = ['1', '2'].map(number => ({ key, claim: createClaim(`host:1:one/${number}`) }))
  expect(await store.acquireMany(callFor(), requests, ttlMs)).toMatchObject([{ granted: false }, { granted: false }])
  expect(await harness.ask('GET', key)).toBe('>lock:~wake:host:1:head')
  expect(await waiting()).toBe(1)
})

test('a key of another type is no free lock, also where a line is left beside it', async () => {
  const head = deaf('head', false)
  await harness.ask('SET', key, 'gone', 'PX', '60000')
  await head.ask()
  await harness.ask('DEL', key)
  await harness.ask('LPUSH', key, 'x')
  await expect(deaf('other', false).ask()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  expect(await harness.ask('TYPE', key)).toBe('list')
})

test('a place that was left passes on what was kept for it', async () => {
  const [holder, leaver, next] = [deaf('holder', false), deaf('leaver', false), deaf('next', false)]
  await holder.ask()
  await leaver.ask()
  await next.ask()
  await holder.release()
  await leaver.leave()
  expect(await harness.ask('GET', key)).toBe('>lock:~wake:host:1:next')
})

test('a waiter that gives up leaves the line, and the next one is told', async () => {
  const [holder, hasty, patient] = await Promise.all([harness.client(), harness.client(), harness.client()])
  const held = (await holder.locks({ id }).tryAcquire())!
  const controller = new AbortController()
  const gaveUp = hasty.locks({ id }).acquire({ ...drowsy, signal: controller.signal })
  await until(async () => (await waiting()) === 1)
  const waiter = patient.locks({ id }).acquire(drowsy)
  await until(async () => (await waiting()) === 2)
  controller.abort()
  await expect(gaveUp).rejects.toMatchObject({ code: 'ABORTED' })
  await until(async () => (await waiting()) === 1)
  await held.release()
  expect(await waiter).toBeDefined()
})

test('at maxmemory a waiter has no place, and gets it all the same when it asks', async () => {
  const [holder, patient] = await Promise.all([harness.client(), harness.client()])
  const held = (await holder.locks({ id }).tryAcquire())!
  await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
  try {
    const waiter = patient.locks({ id }).acquire({ wait: '20s' })
    await harness.advance(30)
    await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
    await held.release()
    expect(await waiter).toBeDefined()
  } finally {
    await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
  }
})
