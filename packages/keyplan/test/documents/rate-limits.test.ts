import { createHash } from 'node:crypto'
import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describe as describePlan } from '../../src/index.ts'
import { documentSystem } from './document-system.ts'
import { awarenessLimits, higherselfLimits, meshLimits, toolLimits } from './rate-limits.plan.ts'

let server: RedisProcess
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.cleanUp())

const minutes = 60_000

describe('awareness network', () => {
  const system = documentSystem(awarenessLimits, () => server)

  test('the address and the length of the window are the key, which lives as long as the window', async () => {
    const { redis, other } = system
    const result = await redis.requests({ ip: '203.0.113.7' }).consume()
    expect(result).toEqual({ allowed: true, limit: 100, remaining: 99, resetMs: 15 * minutes, retryAfterMs: 0 })
    expect(await other.keys()).toEqual(['awareness:ratelimit:203.0.113.7:15m'])
    expect(await other.lifetime('awareness:ratelimit:203.0.113.7:15m')).toBeLessThanOrEqual(15 * minutes)
  })

  test('all processes count together, and the hundred and first is told when to come back', async () => {
    const { redis } = system
    const second = await system.start()
    const of = (at: number) => (at % 2 === 0 ? redis : second).requests({ ip: '::1' }).consume()
    const results = await Promise.all(Array.from({ length: 130 }, (_, at) => of(at)))
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(100)
    const denied = results.find(({ allowed }) => !allowed)!
    expect(denied.retryAfterMs).toBeGreaterThan(14 * minutes)
    expect(denied.retryAfterMs).toBeLessThanOrEqual(15 * minutes)
  })

  test('an IPv6 address keeps to its place in the key', async () => {
    await system.redis.requests({ ip: '2001:db8::1' }).consume()
    const [key] = await system.other.keys()
    expect(awarenessLimits.patterns.requests.match(key!)).toEqual({ ip: '2001:db8::1' })
  })
})

describe('developer mesh', () => {
  const system = documentSystem(meshLimits, () => server)
  const secret = 'sk-live-0123456789abcdef'
  const digest = createHash('sha256').update(secret).digest('base64url')

  test('the API key never reaches Redis, nor what is told of who was limited', async () => {
    const { redis, other } = system
    const results = await Promise.all(Array.from({ length: 70 }, () => redis.apiKeys({ apiKey: secret }).consume()))
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(60)
    expect(await other.keys()).toEqual([`rate_limit:${digest}:1m`])
    const told = JSON.stringify(redis.$stats())
    expect(redis.$stats().namespaces.apiKeys?.rateLimit).toMatchObject({ allowed: 60, denied: 10 })
    expect(told).not.toContain(secret)
    expect(told).not.toContain(digest)
  })

  test('a tier has more of the same count', async () => {
    const { redis } = system
    await Promise.all(Array.from({ length: 60 }, () => redis.apiKeys({ apiKey: secret }).consume()))
    expect(await redis.apiKeys({ apiKey: secret }).consume()).toMatchObject({ allowed: false, limit: 60 })
    const pro = redis.apiKeys({ apiKey: secret }, { tier: 'pro' })
    expect(await pro.consume()).toMatchObject({ allowed: true, limit: 600, remaining: 539 })
  })
})

describe('higherself', () => {
  const system = documentSystem(higherselfLimits, () => server)

  test('each endpoint of a user has its own hour, which does not begin anew', async () => {
    const { redis, other } = system
    await redis.calls({ userId: 'u1', endpoint: 'chat' }).consume()
    await redis.calls({ userId: 'u1', endpoint: 'chat' }).consume({ cost: 4 })
    await redis.calls({ userId: 'u1', endpoint: 'search' }).consume()
    expect(await other.keys()).toEqual(['rate_limit:u1:chat', 'rate_limit:u1:search'])
    const { remaining, resetMs } = await redis.calls({ userId: 'u1', endpoint: 'chat' }).peek()
    expect(remaining).toBe(995)
    expect(resetMs).toBeLessThanOrEqual(60 * minutes)
    expect(await other.lifetime('rate_limit:u1:chat')).toBeGreaterThan(58 * minutes)
  })
})

describe('universal ai tools', () => {
  const system = documentSystem(toolLimits, () => server)

  test('a hundred in any fifteen minutes of the clock, and the key ends with what it counts', async () => {
    const { redis, other } = system
    const results = await Promise.all(Array.from({ length: 120 }, () => redis.clients({ client: 'c' }).consume()))
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(100)
    expect(await other.lifetime('ratelimit:c')).toBeLessThanOrEqual(30 * minutes)
  })
})

test('the plans say what the documents do', () => {
  const plans = [awarenessLimits, meshLimits, higherselfLimits, toolLimits]
  const rows = plans.flatMap(plan => describePlan(plan).namespaces)
  expect(rows.map(({ pattern, facts }) => [pattern, facts.window])).toEqual([
    ['awareness:ratelimit:<ip>:15m', '15m'],
    ['rate_limit:<apiKey>:1m', '1m'],
    ['rate_limit:<userId>:<endpoint>', '1h'],
    ['ratelimit:<client>', '15m'],
  ])
  for (const plan of plans) expect(plan.warnings).toEqual([])
})
