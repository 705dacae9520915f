import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { connectResp, type RedisProcess, type RespConnection, startRedis } from '@keyplan/local'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { handClock, realClock } from '../../src/base/clock.ts'
import { durationMs } from '../../src/base/duration.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Server } from '../../src/kinds/kind.ts'
import type { RateLimitNamespace } from '../../src/kinds/rate-limit/contract.ts'
import { rateLimit } from '../../src/kinds/rate-limit/declaration.ts'
import { countBase, windowShape } from '../../src/kinds/rate-limit/fixed-window.ts'
import { rateLimitKind } from '../../src/kinds/rate-limit/kind.ts'
import { createMemoryRateLimitStore } from '../../src/kinds/rate-limit/memory.ts'
import { openRates } from '../../src/kinds/rate-limit/open.ts'
import { hasBurst } from '../../src/kinds/rate-limit/policy.ts'
import { createRedisRateLimitStore } from '../../src/kinds/rate-limit/redis.ts'
import type { Decision, Request } from '../../src/kinds/rate-limit/store.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { algorithms, fits, type LimitOptions, rateLimitConformance } from '../conformance/rate-limit.ts'
import { connectTo as connectToServer, type LiveServer } from '../live-server.ts'
import { homeOf, requests } from './rate-limit-requests.ts'

const window = '30d'
const windowMs = 30 * 86_400_000
const call: Call = { expires: Number.POSITIVE_INFINITY, hold: true, written: 0 }

const connectTo = (port: number) => connectToServer(port, { name: 'keyplan:limits', scripts: rateLimitKind.scripts })

const openClient = (server: Server, options: LimitOptions, source = 'limit:<id>', instance = 'one') =>
  openRates(rateLimit<string, string>(source, options), {
    name: 'limits',
    pattern: parsePattern(source),
    clock: realClock,
    instance,
    server,
    bare: createBareGuard(),
    notify: () => {},
  }).client

async function redisHarness(port: number) {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  const connections: LiveServer[] = []
  return {
    ask: plain.ask,
    async client(options: LimitOptions) {
      const connection = await connectTo(port)
      connections.push(connection)
      return openClient(connection, options)
    },
    async pair(one: LimitOptions, other: LimitOptions): Promise<[RateLimitNamespace, RateLimitNamespace]> {
      const connection = await connectTo(port)
      connections.push(connection)
      return [openClient(connection, one, 'limit:{x}:<id>'), openClient(connection, other, 'other:{x}:<id>')]
    },
    advance: (ms: number) => sleep(ms),
    async close() {
      for (const connection of connections) await connection.close()
      plain.close()
    },
  }
}

/** Times to live of all keys, in milliseconds; -1 for a key that has none. */
async function timesToLive(ask: RespConnection['ask']): Promise<number[]> {
  const keys = (await ask('KEYS', '*')) as string[]
  return Promise.all(keys.map(async key => Number(await ask('PTTL', key))))
}

/** Writes figures as the scripts do, and reads them. */
async function plant(ask: RespConnection['ask'], key: string, ...figures: number[]): Promise<void> {
  const values = figures.map((_, at) => `ARGV[${at + 1}]`).join(', ')
  const pack = `struct.pack('<${'d'.repeat(figures.length)}', ${values})`
  await ask('EVAL', `return redis.call('SET', KEYS[1], ${pack}, 'PX', 600000)`, '1', key, ...figures.map(String))
}

async function planted(ask: RespConnection['ask'], key: string): Promise<string> {
  const read = "local a, b, c = struct.unpack('<ddd', redis.call('GET', KEYS[1]))"
  return String(await ask('EVAL', `${read} return string.format('%.0f %.0f %.0f', a, b, c)`, '1', key))
}

/** The server's clock, in milliseconds. */
async function serverNow(ask: RespConnection['ask']): Promise<number> {
  const [seconds, micros] = (await ask('TIME')) as [string, string]
  return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000)
}

let server: RedisProcess

beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

rateLimitConformance('Redis', () => redisHarness(server.port))

describe('rate limit on a real server', () => {
  let harness: Awaited<ReturnType<typeof redisHarness>>
  const id = 'a'

  beforeEach(async () => {
    harness = await redisHarness(server.port)
  })
  afterEach(() => harness.close())

  test.each(algorithms)('%s: decides as the store in memory does, whatever is asked', async algorithm => {
    const { redis, close } = await connectTo(server.port)
    const store = createRedisRateLimitStore(redis)
    const request = fc.record({
      key: fc.constantFrom('x', 'y', 'z'),
      cost: fc.integer({ min: 0, max: 5 }),
      // Mostly asked for; sometimes given back or a penalty.
      forced: fc.constantFrom(0, 0, 0, 0, -1, 1),
    })
    const moves = fc.array(fc.oneof(fc.array(request, { minLength: 1, maxLength: 20 }), fc.constantFrom('x', 'y')), {
      maxLength: 12,
    })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 5, max: 30 }), moves, async (limit, list) => {
        await harness.ask('FLUSHALL')
        const policy = rateLimit('limit:<id>', { limit, window, algorithm }).options.policies[0]!
        const home = homeOf()
        const memory = createMemoryRateLimitStore(handClock())
        for (const move of list) {
          if (typeof move === 'string') {
            const [request] = requests(home, policy, [move]) as [Request]
            await Promise.all([store.reset(call, request), memory.reset(call, request)])
            continue
          }
          const list = move.map(
            ({ key, cost, forced }): Request => ({
              ...requests(home, policy, [key], [cost])[0]!,
              forced: forced !== 0 && cost > 0,
              cost: forced < 0 ? -cost : cost,
            }),
          )
          const real = await store.consume(call, list)
          expect(real.map(decided)).toEqual((await memory.consume(call, list)).map(decided))
        }
        for (const ttl of await timesToLive(harness.ask)) expect(ttl).toBeGreaterThan(0)
      }),
      { numRuns: 60 },
    )
    await close()
  })

  test.each(algorithms)('%s: a key of another type fails its own caller alone', async algorithm => {
    const limits = await harness.client({ limit: 5, window, algorithm })
    const write = algorithm === 'sliding-log' ? 'LPUSH' : 'SET'
    await harness.ask('HSET', 'limit:hash', 'x', '1')
    await harness.ask(write, 'limit:text', 'not a count')
    const ids = ['one', 'hash', 'two', 'text', 'three']
    for (const cost of [1, 2, 0]) {
      const results = await Promise.allSettled(ids.map(own => limits({ id: own }).consume({ cost })))
      const codes = results.map(result => (result.status === 'rejected' ? result.reason.code : 'fits'))
      expect(codes).toEqual(['fits', 'WRONG_TYPE', 'fits', 'SERVER', 'fits'])
    }
    await expect(limits({ id: 'hash' }).peek()).rejects.toMatchObject({ code: 'WRONG_TYPE' })
    expect(await harness.ask('HLEN', 'limit:hash')).toBe(1)
    const kept = algorithm === 'sliding-log' ? ['LINDEX', 'limit:text', '0'] : ['GET', 'limit:text']
    expect(await harness.ask(...(kept as [string, ...string[]]))).toBe('not a count')
  })

  test.each(algorithms)(
    '%s: every key lives as long as its result says, or little longer, on the clock of the server',
    async algorithm => {
      const limits = await harness.client({ limit: 50, window: '10m', algorithm })
      for (const cost of [1, 7, 50, 42, 0]) {
        const { resetMs } = await limits({ id }).consume({ cost })
        const ttl = Number(await harness.ask('PTTL', 'limit:a'))
        expect(ttl).toBeGreaterThan(0)
        // TIME goes on while a script runs, and what PTTL compares with stands still: a millisecond may lie between them.
        expect(ttl).toBeLessThanOrEqual(resetMs + 1 + (hasBurst(algorithm) ? 600_000 / 8 : 0))
        expect(ttl).toBeGreaterThan(resetMs - 60_000)
      }
      expect(await harness.ask('KEYS', '*')).toEqual(['limit:a'])
    },
  )

  test.each(['token-bucket', 'gcra'] as const)(
    '%s: a key that keeps its time to live has one that covers what was taken, by whatever limit',
    async algorithm => {
      const limits = await harness.client({ limit: 1_000, window: '10m', algorithm })
      await limits({ id }).consume()
      const first = Number(await harness.ask('PTTL', 'limit:a'))
      await limits({ id }).consume({ cost: 5 })
      expect(Number(await harness.ask('PTTL', 'limit:a'))).toBeLessThanOrEqual(first)
      for (const cost of [1, 2, 1]) {
        const before = await serverNow(harness.ask)
        const { resetMs } = await limits({ id }, { limit: 5 }).consume({ cost })
        expect(Number(await harness.ask('PEXPIRETIME', 'limit:a'))).toBeGreaterThanOrEqual(before + resetMs - 1)
      }
    },
  )

  test.each(algorithms)('%s: what is only looked at leaves no key', async algorithm => {
    const limits = await harness.client({ limit: 5, window, algorithm })
    await Promise.all([limits({ id }).peek(), limits({ id: 'b' }).consume({ cost: 0 })])
    expect(await harness.ask('DBSIZE')).toBe(0)
  })

  test('fixed window: one that has ended though its key lost its time to live begins anew', async () => {
    const limits = await harness.client({ limit: 10, window: '200ms' })
    await limits({ id }).consume({ cost: 3 })
    expect(await harness.ask('PERSIST', 'limit:a')).toBe(1)
    const { resetMs } = await limits({ id }).consume()
    expect(resetMs).toBeLessThanOrEqual(200)
    await sleep(resetMs + 5)
    expect(await limits({ id }).peek()).toMatchObject({ remaining: 10, resetMs: 0 })
    expect(await limits({ id }).consume()).toMatchObject({ remaining: 9 })
    expect(await harness.ask('PTTL', 'limit:a')).toBeGreaterThan(0)
  })

  test('fixed window: after the clock was set back what was consumed counts, for one window more', async () => {
    const limits = await harness.client({ limit: 10, window: '1m' })
    const policy = { windowMs: 60_000 }
    const { cycle, grain } = windowShape(policy)
    const end = Math.floor((await serverNow(harness.ask)) / grain + 90_000 / grain) % cycle
    await harness.ask('SET', 'limit:a', String(end * countBase + 4), 'PX', '3600000')
    expect(await limits({ id }).consume()).toMatchObject({ allowed: true, remaining: 5, resetMs: 60_000 })
    expect(await harness.ask('PTTL', 'limit:a')).toBeLessThanOrEqual(60_000)
  })

  test.each(['17m', '1h', '1d', '30d'] as const)('fixed window: %s is counted and timed to its grain', async window => {
    const limits = await harness.client({ limit: 1_000_000_000, window })
    const { grain } = windowShape({ windowMs: durationMs(window) })
    await limits({ id }).consume({ cost: 999_999_990 })
    const { remaining, resetMs } = await limits({ id }).consume({ cost: 9 })
    expect(remaining).toBe(1)
    const ttl = Number(await harness.ask('PTTL', 'limit:a'))
    expect(Math.abs(resetMs - ttl)).toBeLessThanOrEqual(2 * grain + 1_000)
    expect(await limits({ id }).consume({ cost: 2 })).toMatchObject({ allowed: false, remaining: 1 })
    expect(await limits({ id }).consume()).toMatchObject({ allowed: true, remaining: 0 })
  })

  test('a limit that was lowered below what is consumed denies and says 0', async () => {
    for (const algorithm of algorithms) {
      await (await harness.client({ limit: 100, window, algorithm }))({ id: algorithm }).consume({ cost: 80 })
    }
    for (const algorithm of ['fixed-window', 'sliding-window'] as const) {
      const lowered = (await harness.client({ limit: 10, window, algorithm }))({ id: algorithm })
      expect(await lowered.consume()).toMatchObject({ allowed: false, remaining: 0, limit: 10 })
      expect(await lowered.peek()).toMatchObject({ allowed: false, remaining: 0 })
    }
    const bucket = (await harness.client({ limit: 10, window, algorithm: 'token-bucket' }))({ id: 'token-bucket' })
    expect(await bucket.peek()).toMatchObject({ allowed: true, remaining: 10, limit: 10 })
  })

  test('sliding window: the window before counts by the share of it still in view', async () => {
    const limits = await harness.client({ limit: 1_000, window, algorithm: 'sliding-window' })
    const before = await serverNow(harness.ask)
    const index = Math.floor(before / windowMs)
    await plant(harness.ask, 'limit:a', index - 1, 400, 800)
    const { remaining } = await limits({ id }).consume({ cost: 0 })
    const inView = (now: number) => 1_000 - Math.ceil((800 * (windowMs - (now % windowMs))) / windowMs)
    expect(remaining).toBeGreaterThanOrEqual(inView(before))
    expect(remaining).toBeLessThanOrEqual(inView(await serverNow(harness.ask)))
    expect(await limits({ id }).consume({ cost: remaining })).toMatchObject({ allowed: true, remaining: 0 })
    expect(await planted(harness.ask, 'limit:a')).toBe(`${index} 800 ${remaining}`)
  })

  test('sliding window: a clock that went back across an edge counts on, one set back further starts anew', async () => {
    const limits = await harness.client({ limit: 10, window, algorithm: 'sliding-window' })
    const index = Math.floor((await serverNow(harness.ask)) / windowMs)
    await plant(harness.ask, 'limit:a', index + 1, 4, 3)
    expect(await limits({ id }).consume()).toMatchObject({ remaining: 2 })
    expect(await planted(harness.ask, 'limit:a')).toBe(`${index + 1} 4 4`)
    await plant(harness.ask, 'limit:a', index + 2, 4, 3)
    expect(await limits({ id }).consume()).toMatchObject({ remaining: 9 })
    await plant(harness.ask, 'limit:a', index - 2, 9, 9)
    expect(await limits({ id }).consume()).toMatchObject({ remaining: 9 })
  })

  test('sliding log: what is older than the window neither counts nor stays, and room comes when the oldest leave', async () => {
    const limits = await harness.client({ limit: 100, window: '100m', algorithm: 'sliding-log' })
    const minute = 60_000
    const now = await serverNow(harness.ask)
    const pack = "redis.call('RPUSH', KEYS[1], struct.pack('<ddd', ARGV[1], ARGV[2], ARGV[3]))"
    const ages = [250, 200, 150, 101, 90, 50, 20, 10]
    for (const [at, age] of ages.entries()) {
      const figures = [now - age * minute, 20 * at, 20 * at + 20].map(String)
      await harness.ask('EVAL', `${pack} return redis.call('PEXPIRE', KEYS[1], 6000000)`, '1', 'limit:a', ...figures)
    }
    const { remaining, resetMs } = await limits({ id }).peek()
    expect(remaining).toBe(20)
    expect(Math.abs(resetMs - 90 * minute)).toBeLessThan(minute)
    expect(await harness.ask('LLEN', 'limit:a')).toBe(8)
    const denied = await limits({ id }).consume({ cost: 45 })
    expect(denied).toMatchObject({ allowed: false, remaining: 20 })
    // Twenty leave in ten minutes and twenty more in fifty.
    expect(Math.abs(denied.retryAfterMs - 50 * minute)).toBeLessThan(minute)
    expect(await limits({ id }).consume({ cost: 15 })).toMatchObject({ allowed: true, remaining: 5 })
    expect(await harness.ask('LLEN', 'limit:a')).toBe(5)
    expect(await limits({ id }).reward(25)).toMatchObject({ remaining: 30 })
    expect(await harness.ask('LLEN', 'limit:a')).toBe(4)
    expect(Number(await harness.ask('PTTL', 'limit:a'))).toBeLessThanOrEqual(90 * minute)
  })

  test('gcra: the arrival time is exact, and spaces calls with a burst of 1', async () => {
    const limits = await harness.client({ limit: 7, window: '100m', algorithm: 'gcra', burst: 1 })
    const space = Math.ceil((100 * 60_000) / 7)
    const first = await limits({ id }).consume()
    expect(first).toMatchObject({ allowed: true, remaining: 0, limit: 1, resetMs: space })
    const denied = await limits({ id }).consume()
    expect(denied.allowed).toBe(false)
    expect(denied.retryAfterMs).toBeLessThanOrEqual(space)
    expect(denied.retryAfterMs).toBeGreaterThan(space - 60_000)
  })

  test('token bucket: refills by the clock of the server, to its size and no further, and not backwards', async () => {
    const options = { limit: 100, window: '100m', algorithm: 'token-bucket', burst: 50 } as const
    const limits = await harness.client(options)
    const minute = 60_000
    const now = await serverNow(harness.ask)
    const till = now + 10 * minute
    await plant(harness.ask, 'limit:a', 0, now - 20 * minute, till)
    expect(await limits({ id }).consume({ cost: 5 })).toMatchObject({ allowed: true, remaining: 15, limit: 50 })
    expect(Number(await harness.ask('PTTL', 'limit:a'))).toBeGreaterThan(10 * minute)
    await plant(harness.ask, 'limit:a', 0, now - 1_000 * minute, till)
    expect(await limits({ id }).peek()).toMatchObject({ remaining: 50, resetMs: 0 })
    await plant(harness.ask, 'limit:a', 100 * minute * 3, now + 1_000 * minute, till)
    expect(await limits({ id }).consume()).toMatchObject({ allowed: true, remaining: 2 })
  })

  test('many requests of one turn share a script call, and those of a thousand keys all get their own answer', async () => {
    const limits = await harness.client({ limit: 2, window })
    await limits({ id: 'first' }).peek()
    await harness.ask('CONFIG', 'RESETSTAT')
    const results = await Promise.all(
      Array.from({ length: 3_000 }, (_, index) => limits({ id: index % 1_000 }).consume()),
    )
    expect(results.map(fits)).toEqual(Array.from({ length: 3_000 }, (_, index) => index < 2_000))
    const stats = String(await harness.ask('INFO', 'commandstats'))
    expect(Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)![1])).toBeLessThanOrEqual(3_000 / 16)
  })

  test('at maxmemory whenDown answers, and the limits come back with the memory', async () => {
    for (const algorithm of algorithms) {
      const limits = await harness.client({ limit: 5, window, algorithm, whenDown: 'deny' })
      await limits({ id: algorithm }).consume()
      await harness.ask('CONFIG', 'SET', 'maxmemory', '1')
      try {
        expect(await limits({ id: algorithm }).consume()).toMatchObject({ allowed: false, degraded: true })
      } finally {
        await harness.ask('CONFIG', 'SET', 'maxmemory', '0')
      }
      expect(await limits({ id: algorithm }).consume()).toMatchObject({ allowed: true, remaining: 3 })
    }
  })

  test('a user who may not reach one of the keys is refused that one alone', async () => {
    await harness.ask('ACL', 'SETUSER', 'default', 'resetkeys', '~limit:open*')
    try {
      const limits = await harness.client({ limit: 5, window })
      const results = await Promise.allSettled(['open1', 'shut', 'open2'].map(own => limits({ id: own }).consume()))
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(results[1]).toMatchObject({ reason: { code: 'NO_PERMISSION' } })
      expect(results[0]).toMatchObject({ value: { remaining: 4 } })
    } finally {
      await harness.ask('ACL', 'SETUSER', 'default', 'allkeys')
    }
  })
})

describe('rate limit without its server', () => {
  let mortal: RedisProcess

  beforeEach(async () => {
    mortal = await startRedis({ appendonly: true })
  })
  afterEach(() => mortal.cleanUp())

  test('whenDown answers once the server is gone; a limit that is used up never asks it', async () => {
    const connection = await connectTo(mortal.port)
    const options = { limit: 3, window } as const
    const allow = openClient(connection, options)
    const deny = openClient(connection, { ...options, whenDown: 'deny' })
    const memory = openClient(connection, { ...options, whenDown: 'memory' })
    const ask = (limits: typeof allow) => Promise.all(Array.from({ length: 5 }, () => limits({ id: 'a' }).consume()))
    const used = await ask(memory)
    expect(used.map(fits)).toEqual([true, true, true, false, false])
    for (const result of used) expect(result).not.toHaveProperty('degraded')

    await mortal.kill()
    expect((await ask(allow)).map(fits)).toEqual([true, true, true, true, true])
    expect((await ask(deny)).map(fits)).toEqual([false, false, false, false, false])
    const counted = await ask(memory)
    expect(counted.map(fits)).toEqual([true, true, true, false, false])
    for (const result of counted) expect(result.degraded).toBe(true)
    expect(await memory({ id: 'a' }).peek()).toMatchObject({ allowed: false, degraded: true })
    await expect(memory({ id: 'a' }).reset({ deadline: '50ms' })).rejects.toBeInstanceOf(KeyplanError)
    await connection.close()
  })

  test('killed in the middle of its work, it comes back without a key that lives for ever', async () => {
    const connection = await connectTo(mortal.port)
    const clients = algorithms.map(algorithm => openClient(connection, { limit: 2, window, algorithm }))
    let stop = false
    const loads = clients.map(async (limits, client) => {
      for (let round = 0; !stop; round++) {
        await Promise.all(
          Array.from({ length: 60 }, (_, index) => limits({ id: `${client}:${round}:${index % 40}` }).consume()),
        )
        // While the server is down the answers come without input or output: the loop must have its turn.
        await turn()
      }
    })
    const kept: number[] = []
    for (let kill = 0; kill < 4; kill++) {
      await sleep(40)
      await mortal.kill()
      await mortal.restart()
      const plain = await connectResp({ port: mortal.port })
      const ttls = await timesToLive(plain.ask)
      expect(ttls.filter(ttl => ttl === -1)).toEqual([])
      kept.push(ttls.length)
      plain.close()
    }
    stop = true
    await Promise.all(loads)
    expect(kept.at(-1)).toBeGreaterThan(0)
    await connection.close()
  })
})

function decided(decision: Decision): unknown {
  if (decision instanceof Error) return decision.message
  const { allowed, limit, remaining } = decision
  return { allowed, limit, remaining }
}
