import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { handClock, realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { type ConcurrencyNamespace, definePlan, rateLimit } from '../../src/index.ts'
import type { Opened, Server, Surroundings } from '../../src/kinds/kind.ts'
import { openAllPermits, openPermits } from '../../src/kinds/rate-limit/concurrency/open.ts'
import { createRedisConcurrencyStore } from '../../src/kinds/rate-limit/concurrency/redis.ts'
import { rateLimitKind } from '../../src/kinds/rate-limit/kind.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { held, type PermitHarness, type PermitLimitOptions, permitConformance } from '../conformance/permits.ts'
import { callFor, connectTo, type LiveServer } from '../live-server.ts'

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

permitConformance('Redis', redisHarness)

describe('permits on a real server', () => {
  test('one whose process crashed is free after its lease, and the key lives no longer', async () => {
    const harness = await redisHarness()
    const alive = await harness.client({ limit: 2, lease: '1s' })
    const kept = held(await alive({ id: 'a' }).acquire())
    // As a crashed process leaves it: nobody renews it.
    const mortal = await harness.connection()
    const crashed = createRedisConcurrencyStore(mortal.redis, { limit: 2, leaseMs: 1_000, instances: 1 }, key => key)
    expect(await crashed.acquire(callFor(), 'slots:a', 'crashed')).toMatchObject({ granted: true, held: 2 })
    expect(await alive({ id: 'a' }).acquire()).toMatchObject({ allowed: false, remaining: 0 })
    expect(Number(await harness.ask('PTTL', 'slots:a'))).toBeGreaterThan(0)
    const next = held(await alive({ id: 'a' }).acquire({ wait: '10s' }))
    expect(kept.signal.aborted).toBe(false)
    await next.release()
    await kept.release()
    expect(await harness.ask('EXISTS', 'slots:a')).toBe(0)
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
