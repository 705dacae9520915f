import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHttpLimit } from '../../../src/adapters/http/limit.ts'
import { type Client, connect } from '../../../src/client/index.ts'
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

test('the compiler knows the params of the pattern', () => {
  const nobody = (_use: () => unknown) => {}
  nobody(() => createHttpLimit('rateLimited', redis.pair, { params: () => ({ a: '1', b: 2 }) }))
  // @ts-expect-error a param is missing
  nobody(() => createHttpLimit('rateLimited', redis.pair, { params: () => ({ a: '1' }) }))
})
