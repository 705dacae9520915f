import express, { type NextFunction, type Request, type Response } from 'express'
import { type Options, rateLimit } from 'express-rate-limit'
import { expect, test } from 'vitest'
import { type ExpressRateLimitStore, expressRateLimitStore } from '../../src/adapters/express-rate-limit.ts'
import { until } from '../live-server.ts'
import { listening } from './http/listening.ts'
import { limitedServer } from './limited-server.ts'

const setup = limitedServer()

async function serve(store: ExpressRateLimitStore, options: Partial<Options> = {}) {
  const app = express()
  const told: string[] = []
  const logger = {
    error: (error: unknown) => told.push(String(error)),
    warn: (error: unknown) => told.push(String(error)),
  }
  app.use(rateLimit({ windowMs: 3_600_000, limit: 3, standardHeaders: 'draft-8', store, logger, ...options }))
  app.get('/:status', (request, response) => void response.sendStatus(Number(request.params.status)))
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    told.push(String(error))
    response.sendStatus(500)
  })
  const ask = setup.asking(await listening(app.listen(0, '127.0.0.1')))
  return { told, status: async (path = '200') => (await ask(path)).status, ask }
}

test('express-rate-limit counts for all processes', async () => {
  const [one, other] = [
    await serve(expressRateLimitStore(setup.redis.api)),
    await serve(expressRateLimitStore(setup.redis.api)),
  ]
  const first = await one.ask('200')
  expect(first.headers.get('ratelimit')).toMatch(/r=2; t=3\d{3}/)
  expect([await other.status(), await one.status(), await other.status()]).toEqual([200, 200, 429])
  const refused = await one.ask('200')
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000)
  expect([...one.told, ...other.told]).toEqual([])
})

test('a key is looked up, reset, and asked for again', async () => {
  const store = expressRateLimitStore(setup.redis.api)
  const limiter = rateLimit({ windowMs: 3_600_000, limit: 3, store })
  expect(await limiter.getKey('a')).toMatchObject({ totalHits: 0 })
  for (const total of [1, 2, 3, 4, 4]) expect(await store.increment('a')).toMatchObject({ totalHits: total })
  const { totalHits, resetTime } = (await limiter.getKey('a'))!
  expect(totalHits).toBe(3)
  expect(resetTime!.getTime()).toBeGreaterThan(Date.now() + 3_000_000)
  await store.resetKey('a')
  expect(await limiter.getKey('a')).toMatchObject({ totalHits: 0 })
})

test('other figures than those of the plan let no request pass, and say why', async () => {
  for (const options of [{ limit: 5 }, { windowMs: 60_000 }]) {
    const { status, told } = await serve(expressRateLimitStore(setup.redis.api), options)
    expect(await status()).toBe(500)
    expect(told.join()).toContain('has 3 in 3600000 ms; give both the same figures')
  }
  const open = expressRateLimitStore as (limits: unknown) => unknown
  expect(() => open(setup.redis.pair)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }))
  expect(() => open(setup.redis.texts)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
})

test('while Redis is down whenDown answers, no response ends the process, and afterwards the count goes on', async () => {
  const lenient = await serve(expressRateLimitStore(setup.redis.api), { skipFailedRequests: true })
  const strict = await serve(expressRateLimitStore(setup.redis.denied), { windowMs: 7_200_000 })
  expect([await lenient.status(), await strict.status()]).toEqual([200, 200])
  await setup.kill()
  for (const _ of [1, 2, 3, 4, 5]) {
    expect([await lenient.status('200'), await lenient.status('404'), await strict.status()]).toEqual([200, 404, 429])
  }
  await setup.restart()
  expect([await lenient.status(), await strict.status()]).toEqual([200, 200])
})

test('what is skipped is given back', async () => {
  const { status } = await serve(expressRateLimitStore(setup.redis.api), { skipFailedRequests: true })
  const store = expressRateLimitStore(setup.redis.api)
  store.init({ windowMs: 3_600_000, limit: 3 })
  for (const _ of [1, 2, 3, 4, 5]) {
    expect(await status('404')).toBe(404)
    await until(async () => (await store.get('127.0.0.1')).totalHits === 0)
  }
  for (const expected of [200, 200, 200, 429]) expect(await status()).toBe(expected)
})
