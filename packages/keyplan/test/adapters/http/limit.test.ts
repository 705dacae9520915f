import { startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createHttpLimit } from '../../../src/adapters/http/limit.ts'
import { type Client, connect } from '../../../src/client/index.ts'
import { definePlan, rateLimit } from '../../../src/index.ts'
import { until } from '../../live-server.ts'
import { limits } from './limit-promises.ts'

let redis: Client<(typeof limits)['namespaces']>

beforeAll(async () => {
  redis = await connect(limits, { memory: true, log: false })
})
afterAll(() => redis.$close())

type Unchecked = (caller: string, namespace: unknown, options?: unknown) => unknown
const open = createHttpLimit as Unchecked

test.each([undefined, {}, () => {}, 'api'])('%j is no open rate limit', nothing => {
  expect(() => open('rateLimited', nothing)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
  expect(() => open('rateLimited', nothing)).toThrow('rateLimited() was given')
})

test('a pattern with two params needs to be told them', () => {
  expect(() => open('rateLimited', redis.pair)).toThrow(expect.objectContaining({ code: 'PLAN_INVALID' }))
  expect(() => open('rateLimited', redis.pair)).toThrow("cannot tell the params of 'pair:<a>:<b>', which has 2")
})

test.each([
  [{ limit: 5 }, 'limit is not an option'],
  [{ params: 'ip' }, 'params is a string; give it a function'],
  [{ skip: true }, 'skip is a boolean; give it a function'],
  [{ cost: '1' }, "cost is '1'; write a number or a function"],
  [{ tier: 'pro' }, 'tier is a string; give it a function'],
  [{ counts: 'errors' }, "counts is 'errors'; use 'all', 'successes' or 'failures'"],
  [{ exempt: '10.0.0.0/8' }, 'exempt is a string'],
  [{ headers: 'draft-9' }, "headers is 'draft-9'; use 'standard', 'draft-6', 'x-ratelimit' or false"],
  [{ name: 'a"b' }, 'name is a string; write 1 to 64'],
])('refuses %j', (options, message) => {
  expect(() => open('rateLimited', redis.api, options)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
  expect(() => open('rateLimited', redis.api, options)).toThrow(message)
})

test('what passed while Redis was away and was counted by nobody is not given back', async () => {
  const server = await startRedis()
  onTestFinished(() => server.cleanUp())
  const proxy = await startProxy({ to: server.port })
  onTestFinished(() => proxy.close())
  const client = await connect(limits, { url: `redis://127.0.0.1:${proxy.port}`, log: false, start: 'required' })
  onTestFinished(() => client.$close())
  const ask = createHttpLimit('rateLimited', client.api, { counts: 'failures' })
  const sender = { remoteAddress: '192.0.2.1', header: () => undefined }
  await ask({}, sender)
  await ask({}, sender)
  await proxy.refuse()
  await until(() => client.$status.state !== 'connected')
  const passed = await ask({}, sender)
  await proxy.pass()
  await until(() => client.$status.state === 'connected')
  passed.sent?.(200)
  expect((await client.api({ client: '192.0.2.1' }).consume()).remaining).toBe(0)
})

const listing = definePlan('listing', {
  guests: rateLimit('guests:<client>', { limit: 5, window: '1h', allow: () => true }),
  banned: rateLimit('banned:<client>', { limit: 7, window: '2m', deny: () => true }),
  key: rateLimit('key:<client>', { limit: 9, window: '1m' }),
  bucket: rateLimit('bucket:<client>', {
    limit: 60,
    window: '1m',
    algorithm: 'token-bucket',
    tiers: { pro: { limit: 600, burst: 60 } },
  }),
})

async function listed() {
  const client = await connect(listing, { memory: true, log: false })
  onTestFinished(() => client.$close())
  return client
}

const named = { remoteAddress: '192.0.2.1', header: () => undefined }

test('each limit is told by its own figures where a list has decided about another', async () => {
  const { guests, banned, key } = await listed()
  const passes = createHttpLimit('rateLimited', [guests, key])
  expect((await passes({}, named)).headers).toEqual([
    ['RateLimit-Policy', '"default 1";q=5;w=3600, "default 2";q=9;w=60'],
    ['RateLimit', '"default 1";r=5;t=0, "default 2";r=8;t=60'],
  ])
  const older = createHttpLimit('rateLimited', [guests, key], { headers: 'draft-6' })
  expect((await older({}, named)).headers).toContainEqual(['RateLimit-Limit', '9'])
  const refuses = createHttpLimit('rateLimited', [key, banned])
  const { headers, refusal } = await refuses({}, named)
  expect(headers).toEqual([
    ['RateLimit-Policy', '"default 1";q=9;w=60, "default 2";q=7;w=120'],
    ['RateLimit', '"default 2";r=0;t=120'],
    ['Retry-After', '120'],
  ])
  expect(JSON.parse(String(refusal?.body))).toMatchObject({ 'violated-policies': ['default 2'] })
})

test('the window of a bucket is that of its tier', async () => {
  const { bucket } = await listed()
  const ask = createHttpLimit('rateLimited', bucket, { tier: () => 'pro' })
  expect((await ask({}, named)).headers[0]).toEqual(['RateLimit-Policy', '"default";q=60;w=6'])
})

test('the compiler knows the params of the pattern', () => {
  const nobody = (_use: () => unknown) => {}
  nobody(() => createHttpLimit('rateLimited', redis.pair, { params: () => ({ a: '1', b: 2 }) }))
  // @ts-expect-error a param is missing
  nobody(() => createHttpLimit('rateLimited', redis.pair, { params: () => ({ a: '1' }) }))
})
