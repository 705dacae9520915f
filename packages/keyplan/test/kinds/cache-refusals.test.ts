import { expect, test } from 'vitest'
import { connect } from '../../src/client/index.ts'
import { cache, definePlan, json } from '../../src/index.ts'

const plan = definePlan('refusals', {
  pages: cache('page:<id>', { ttl: '1m', value: json<unknown>(), maxBytes: '1kb' }),
  near: cache('near:<id>', { ttl: '1m', value: json<unknown>(), near: true, hashed: ['id'] }),
})
const redis = await connect(plan, { memory: true, log: false })
const page = redis.pages({ id: 1 })
const load = () => 1
const wrong = (options: unknown) => options as never

test.each<[string, () => unknown, string]>([
  ['params', () => redis.pages(wrong({})), 'PARAM_INVALID'],
  ['get', () => page.get(wrong({ ttl: '1m' })), 'PARAM_INVALID'],
  ['has', () => page.has(wrong(5)), 'PARAM_INVALID'],
  ['getOrLoad', () => page.getOrLoad(wrong('x')), 'PARAM_INVALID'],
  ['its deadline', () => page.getOrLoad(load, { deadline: wrong('soon') }), 'PARAM_INVALID'],
  ['its loader', () => redis.pages({ id: 2 }).getOrLoad(({ setTtl }) => setTtl(wrong('soon'))), 'PARAM_INVALID'],
  ['its tags', () => redis.pages({ id: 3 }).getOrLoad(({ addTags }) => addTags('a')), 'UNSUPPORTED'],
  ['set', () => page.set(1, { ttl: wrong('soon') }), 'PARAM_INVALID'],
  ['a fence', () => page.set(1, { fence: wrong('1') }), 'PARAM_INVALID'],
  ['a value', () => page.set(1n), 'VALUE_INVALID'],
  ['a large value', () => page.set('x'.repeat(2_000)), 'VALUE_INVALID'],
  ['delete', () => page.delete(wrong({ signal: 1 })), 'PARAM_INVALID'],
  ['getMany', () => redis.pages.getMany(wrong('x')), 'PARAM_INVALID'],
  ['params of many', () => redis.pages.getMany(wrong([{}])), 'PARAM_INVALID'],
  ['getOrLoadMany', () => redis.pages.getOrLoadMany([{ id: 4 }], () => []), 'PARAM_INVALID'],
  ['setMany', () => redis.pages.setMany(wrong([5])), 'PARAM_INVALID'],
  ['deleteMany', () => redis.pages.deleteMany([], wrong(5)), 'PARAM_INVALID'],
  ['invalidateTag', () => redis.pages.invalidateTag('a'), 'PARAM_INVALID'],
  ['clear', () => redis.pages.clear(wrong({ onProgress: 1 })), 'PARAM_INVALID'],
  ['keys', () => redis.pages.keys(wrong({ count: 1 })), 'PARAM_INVALID'],
])('what is wrong with a call names the namespace: %s', async (_, call, code) => {
  const error = await (async () => call())().then(
    () => undefined,
    reason => reason,
  )
  expect(error).toMatchObject({ code, namespace: 'pages' })
})

test('params that cannot be listed name it, too', () => {
  expect(() => redis.near.keys()).toThrow(expect.objectContaining({ code: 'UNSUPPORTED', namespace: 'near' }))
})

test('a ttl given to a read says where it belongs, also when the value is at hand', async () => {
  await redis.near({ id: 1 }).set(1)
  const one = redis.near({ id: 1 }).getOrLoad(load, wrong({ ttl: '5m' }))
  await expect(one).rejects.toThrow('load.setTtl()')
  const many = redis.near.getOrLoadMany([{ id: 1 }], () => [1], wrong({ ttl: '5m' }))
  await expect(many).rejects.toThrow('declare it, or store with setMany()')
})
