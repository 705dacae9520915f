import rateLimit, { type RateLimitPluginOptions } from '@fastify/rate-limit'
import Fastify from 'fastify'
import { expect, test } from 'vitest'
import { fastifyRateLimitStore } from '../../src/adapters/fastify.ts'
import type { Limits } from '../../src/adapters/hits.ts'
import { limitedServer } from './limited-server.ts'

const setup = limitedServer()

async function serve(limits: Limits, options: Partial<RateLimitPluginOptions> = {}) {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(rateLimit, { max: 3, timeWindow: '1 hour', store: fastifyRateLimitStore(limits), ...options })
  app.get('/', async () => 'hello')
  app.get('/login', { config: { rateLimit: { max: 1, timeWindow: '1 minute' } } }, async () => 'hello')
  app.get('/other', { config: { rateLimit: { max: 1, timeWindow: '1 minute' } } }, async () => 'hello')
  const look = app.createRateLimit()
  app.get('/look', { config: { rateLimit: false } }, async request => look(request, { increment: false }))
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const ask = setup.asking({ url, close: () => app.close() })
  return { ask, status: async (path = '') => (await ask(path)).status }
}

test('@fastify/rate-limit counts for all processes, and routes with figures of their own apart', async () => {
  const { api, login } = setup.redis
  const [one, other] = [await serve([api, login]), await serve([api, login])]
  const { headers } = await one.ask('')
  expect([headers.get('x-ratelimit-limit'), headers.get('x-ratelimit-remaining')]).toEqual(['3', '2'])
  expect([await other.status(), await one.status(), await other.status()]).toEqual([200, 200, 429])
  expect([await one.status('/login'), await one.status('/other'), await other.status('/login')]).toEqual([
    200, 200, 429,
  ])
  const refused = await other.ask('/other')
  expect([refused.status, Number(refused.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
})

test('a look consumes nothing', async () => {
  const { ask } = await serve([setup.redis.api, setup.redis.login])
  await ask('')
  for (const _ of [1, 2, 3])
    expect(await (await ask('/look')).json()).toMatchObject({ remaining: 2, isExceeded: false })
})

test('figures that the plan does not have are an error', async () => {
  const { status, ask } = await serve(setup.redis.api)
  expect(await status()).toBe(200)
  const { message } = (await (await ask('/login')).json()) as { message: string }
  expect(message).toContain('is asked for 1 in 60000 ms and has 3 in 3600000 ms; give both the same figures')
  const open = fastifyRateLimitStore as (limits: unknown) => unknown
  expect(() => open([])).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
  expect(() => open(setup.redis.pair)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }))
})

test('while Redis is down whenDown answers, and afterwards the count goes on', async () => {
  const { api, login, denied } = setup.redis
  const lenient = await serve([api, login])
  const strict = await serve([denied, login], { timeWindow: '2 hours' })
  expect([await lenient.status(), await strict.status()]).toEqual([200, 200])
  await setup.kill()
  for (const _ of [1, 2, 3, 4, 5]) expect([await lenient.status(), await strict.status()]).toEqual([200, 429])
  await setup.restart()
  expect([await lenient.status(), await strict.status()]).toEqual([200, 200])
})
