import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { type ConcurrencyNamespace, definePlan, rateLimit } from '../../src/index.ts'
import type { Opened, Server, Surroundings } from '../../src/kinds/kind.ts'
import { openAllPermits, openPermits } from '../../src/kinds/rate-limit/concurrency/open.ts'
import { createRedisConcurrencyStore } from '../../src/kinds/rate-limit/concurrency/redis.ts'
import { rateLimitKind } from '../../src/kinds/rate-limit/kind.ts'
import { createClaim } from '../../src/mechanisms/lease/claim.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { held, type PermitHarness, type PermitLimitOptions, permitConformance } from '../conformance/permits.ts'
import { callFor, connectTo, type LiveServer, until } from '../live-server.ts'

const declare = (options: PermitLimitOptions) =>
  rateLimit<string>('slots:<id>', { ...options, algorithm: 'concurrency' })

let instances = 0
const surroundings = (more: Partial<Surroundings>): Surroundings => ({
  name: 'slots',
  pattern: parsePattern('slots:<id>'),
  clock: realClock,
  instance: `client-${++instances}`,
  server: undefined,
  bare: createBareGuard(),
  notify: () => {},
  ...more,
})

permitConformance('memory', async (): Promise<PermitHarness> => {
  const clock = handClock()
  let shared: Opened<ConcurrencyNamespace> | undefined
  return {
    async client(options) {
      shared ??= openPermits(declare(options), surroundings({ clock }))
      return shared.client
    },
    advance: ms => clock.advance(ms),
    close: async () => shared?.close(),
  }
})

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

async function redisHarness() {
  const plain = await connectResp({ port: server.port })
  await plain.ask('FLUSHALL')
  const connections: LiveServer[] = []
  const opened: Opened<ConcurrencyNamespace>[] = []
  async function connection() {
    const one = await connectTo(server.port, { scripts: rateLimitKind.scripts })
    connections.push(one)
    return one
  }
  return {
    ask: plain.ask,
    connection,
    async client(options: PermitLimitOptions) {
      const one = openPermits(declare(options), surroundings({ server: (await connection()) as Server }))
      opened.push(one)
      return one.client
    },
    advance: (ms: number) => sleep(ms),
    async close() {
      for (const one of opened) await one.close()
      for (const one of connections) await one.close()
      plain.close()
    },
  }
}

const openStore = ({ redis }: Pick<LiveServer, 'redis'>, limit = 1) =>
  createRedisConcurrencyStore(redis, { limit, leaseMs: 1_000, instances: 1 }, key => key, realClock)

permitConformance('Redis', redisHarness)

describe('permits on a real server', () => {
  test('one whose process crashed is free after its lease, and the key lives no longer', async () => {
    const harness = await redisHarness()
    const alive = await harness.client({ limit: 2, lease: '1s' })
    const kept = held(await alive({ id: 'a' }).acquire())
    // As a crashed process leaves it: nobody renews it.
    const mortal = await harness.connection()
    const crashed = openStore(mortal, 2)
    expect(await crashed.acquire(callFor(), 'slots:a', createClaim('crashed'))).toMatchObject({
      granted: true,
      held: 2,
    })
    expect(await alive({ id: 'a' }).acquire()).toMatchObject({ allowed: false, remaining: 0 })
    expect(Number(await harness.ask('PTTL', 'slots:a'))).toBeGreaterThan(0)
    const next = held(await alive({ id: 'a' }).acquire({ wait: '10s' }))
    expect(kept.signal.aborted).toBe(false)
    await next.release()
    await kept.release()
    expect(await harness.ask('EXISTS', 'slots:a')).toBe(0)
    await harness.close()
  })

  test('an acquire that arrives after its own release, over a link that was given up, holds a permit no longer than it was waited for', async () => {
    const harness = await redisHarness()
    const connection = await harness.connection()
    const { redis } = connection
    let arrive: (() => Promise<unknown>) | undefined
    const evaluate: typeof redis.evaluate = (script, keys, args, call, ...more) => {
      if (arrive || script.name !== 'rate-limit.acquire') return redis.evaluate(script, keys, args, call, ...more)
      arrive = () => redis.evaluate(script, keys, args, callFor())
      call.written++
      return Promise.reject(new KeyplanError('DISCONNECTED', 'The link was lost', { outcome: 'unknown' }))
    }
    const server = { ...connection, redis: { ...redis, evaluate } }
    const { client, close } = openPermits(declare({ limit: 1, lease: '1h' }), surroundings({ server }))
    // Answered without Redis, as one that is retried is by it.
    await held(await client({ id: 'a' }).acquire()).release()
    await arrive!()
    await until(async () => (await harness.ask('EXISTS', 'slots:a')) === 0)
    await close()
    await harness.close()
  })

  test('a request whose time is over is refused and takes nothing', async () => {
    const harness = await redisHarness()
    const connection = await harness.connection()
    const late = openStore(connection).acquire(callFor(-1_000), 'slots:a', createClaim('late'))
    await expect(late).rejects.toMatchObject({ code: 'TIMEOUT', outcome: 'not-executed' })
    const { redis } = connection
    const behind = openStore({ redis: { ...redis, serverTime: key => redis.serverTime(key) - 60_000 } })
    expect(await behind.acquire(callFor(), 'slots:a', createClaim('one'))).toMatchObject({ granted: true, held: 1 })
    await harness.close()
  })

  test('a permit whose reply was lost, so that the caller was answered without Redis, is soon free again', async () => {
    const harness = await redisHarness()
    const proxy = await startProxy({ to: server.port })
    const connection = await connectTo(proxy.port, { scripts: rateLimitKind.scripts })
    const { client, close } = openPermits(declare({ limit: 1, lease: '1h' }), surroundings({ server: connection }))
    await proxy.swallowReplies()
    const permit = held(await client({ id: 'a' }).acquire())
    expect(permit.degraded).toBe(true)
    expect(await harness.ask('ZCARD', 'slots:a')).toBe(1)
    await proxy.pass()
    await until(async () => (await harness.ask('EXISTS', 'slots:a')) === 0)
    expect(permit.signal.aborted).toBe(false)
    await permit.release()
    await close()
    await connection.close()
    await proxy.close()
    await harness.close()
  })

  test('whenDown does not answer for permits that Redis gave: a release goes on in the background, and what cannot be renewed is lost', async () => {
    const harness = await redisHarness()
    const proxy = await startProxy({ to: server.port })
    const connection = await connectTo(proxy.port, { scripts: rateLimitKind.scripts })
    const open = (lease: '1h' | '1s') => openPermits(declare({ limit: 1, lease }), surroundings({ server: connection }))
    const [long, brief] = [open('1h'), open('1s')]
    const ended = held(await long.client({ id: 'a' }).acquire())
    const kept = held(await brief.client({ id: 'b' }).acquire())
    await proxy.refuse()
    await ended.release()
    await until(() => kept.signal.aborted)
    expect(kept.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
    expect(await harness.ask('EXISTS', 'slots:a')).toBe(1)
    await proxy.pass()
    await until(async () => (await harness.ask('EXISTS', 'slots:a')) === 0)
    await long.close()
    await brief.close()
    await connection.close()
    await proxy.close()
    await harness.close()
  })

  test('closing the client gives its permits back, and tells those who work under them', async () => {
    const server = await startRedis()
    const connection = await connectTo(server.port, { scripts: rateLimitKind.scripts })
    const { client, close } = openPermits(declare({ limit: 1 }), surroundings({ server: connection }))
    const [ended, kept] = [held(await client({ id: 'a' }).acquire()), held(await client({ id: 'b' }).acquire())]
    await ended.release()
    await close()
    expect([ended.signal.aborted, kept.signal.aborted]).toEqual([false, true])
    expect(kept.signal.reason).toMatchObject({ code: 'LOCK_LOST' })
    expect(await server.ask('DBSIZE')).toBe(0)
    await connection.close()
    await server.cleanUp()
  })

  test('a key of another type is refused by name', async () => {
    const harness = await redisHarness()
    const client = await harness.client({ limit: 1 })
    await harness.ask('SET', 'slots:a', 'x')
    await expect(client({ id: 'a' }).acquire()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    await harness.close()
  })

  test.each([
    ['allow', [true, true, true]],
    ['deny', [false, false, false]],
    ['memory', [true, false, false]],
  ] as const)('whenDown %s answers once the server is gone, marked', async (whenDown, allowed) => {
    const mortal = await startRedis()
    const connection = await connectTo(mortal.port, { scripts: rateLimitKind.scripts })
    const options = { limit: 3, whenDown, ...(whenDown === 'memory' && { instances: 3 }) } as const
    const { client, close } = openPermits(declare(options), surroundings({ server: connection }))
    const before = held(await client({ id: 'a' }).acquire())
    expect(before).not.toHaveProperty('degraded')
    await mortal.kill()
    const answers = []
    for (let round = 0; round < 3; round++) answers.push(await client({ id: 'b' }).acquire())
    expect(answers.map(answer => answer.allowed)).toEqual(allowed)
    for (const answer of answers) {
      expect(answer.degraded).toBe(true)
      if (answer.allowed) expect(await answer.renew()).toBe(true)
      await answer[Symbol.asyncDispose]()
    }
    await close()
    await connection.close()
    await mortal.cleanUp()
  })
})

test('switched off, everybody may, and says so', async () => {
  const { client, close } = openAllPermits(declare({ limit: 1 }), surroundings({}))
  for (let count = 0; count < 3; count++) {
    const permit = held(await client({ id: 'a' }).acquire())
    expect(permit.degraded).toBe(true)
    expect(await permit.renew()).toBe(true)
  }
  await client({ id: 'a' }).reset()
  await close()
})

describe('rateLimit of what goes on at once', () => {
  test('fills in its defaults and describes itself', () => {
    const declaration = declare({ limit: 3 })
    expect(declaration).toMatchObject({ kind: 'rateLimit', durability: 'durable', whenDown: 'allow', problems: [] })
    expect(declaration.facts).toEqual({ algorithm: 'concurrency', limit: 3, lease: '30s' })
  })

  test.each<[string, object]>([
    ['limit is 0', { limit: 0 }],
    ['at most 1000000 permits', { limit: 2_000_000 }],
    ["lease is '500ms'", { lease: '500ms' }],
    ['lease is 5;', { lease: 5 }],
    ['window is not an option', { window: '1m' }],
    ["whenDown is 'load'", { whenDown: 'load' }],
    ['instances is -1', { instances: -1 }],
  ])('reports that %s, without throwing', (problem, options) => {
    const { problems } = declare({ limit: 3, ...options })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
    expect(() => definePlan('p', { slots: declare({ limit: 3, ...options }) })).toThrow(problem)
  })
})
