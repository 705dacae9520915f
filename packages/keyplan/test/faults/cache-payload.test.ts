import { expect, test } from 'vitest'
import { compressed } from '../../src/base/codec/compressed.ts'
import { json } from '../../src/base/codec/json.ts'
import { text } from '../../src/base/codec/text.ts'
import { versioned } from '../../src/base/codec/versioned.ts'
import { type Options, tagged } from '../conformance/cache.ts'
import { cacheServer } from '../kinds/cache-redis-harness.ts'
import { until } from '../live-server.ts'
import { infoFigure } from './evidence.ts'

const own = cacheServer()
const { opened } = own

const marked: Partial<Options> = { ...tagged, staleIfError: '1h', negativeTtl: '1h', earlyRefresh: 0.9 }

/** How it comes to stand at the key. */
const payloads: Record<string, readonly string[]> = {
  'half of a JSON text': ['SET', '{"a":'],
  nothing: ['SET', ''],
  'a lead alone': ['SET', '\x01'],
  'an endless header': ['SET', `\x01${'f1 '.repeat(4_000)}\n1`],
  'a field without a value': ['SET', '\x01f\n1'],
  'a field that is no number': ['SET', '\x01fNaN\n1'],
  'a field that nobody knows': ['SET', '\x01?7\n1'],
  'tags without versions': ['SET', '\x01t1,,2\n1'],
  'names that do not decode': ['SET', '\x01g%E0%A4 t1\n1'],
  'a header before half of a value': ['SET', '\x01f99999999999999\n{"a":'],
  'a version of the future': ['SET', '\x01v9\n1'],
  'no gzip': ['SET', '\x01zg\nno gzip'],
  'no brotli': ['SET', '\x01zb\nno brotli'],
  'no zstd': ['SET', '\x01zz\nno zstd'],
  'an empty zstd': ['SET', '\x01zz\n'],
  'a list': ['LPUSH', 'x'],
  'a hash': ['HSET', 'x', 'y'],
  'a set': ['SADD', 'x'],
}

test.each<[string, Partial<Options>]>([
  ['plain', {}],
  ['marked', marked],
  ['plain and near', { near: true }],
  ['marked and near', { ...marked, near: true }],
  ['compressed', { value: compressed(json<unknown>()), near: true }],
  ['versioned', { value: versioned(json<unknown>(), { version: 2 }), ...marked }],
])('what is no value of a namespace is a miss and is replaced: %s', async (_name, options) => {
  const { cache, figures } = await opened(options)
  for (const [index, [how, ...what]] of Object.values(payloads).entries()) {
    const id = `n${index}`
    const plant = async () => {
      await own.server.ask('DEL', `value:${id}`)
      await own.server.ask(how!, `value:${id}`, ...what)
    }
    await plant()
    expect(await cache({ id }).get()).toBeUndefined()
    expect(await cache({ id }).has()).toBe(false)
    expect(await cache.getMany([{ id }, { id: 'other' }])).toEqual([undefined, undefined])
    expect(await cache({ id }).getOrLoad(() => 'good')).toBe('good')
    expect(await cache({ id }).get()).toBe('good')
    await plant()
    await until(async () => (await cache({ id }).get()) === undefined)
    expect(await cache.getOrLoadMany([{ id }], () => ['good'])).toEqual(['good'])
    await plant()
    expect(await cache({ id }).set('better')).toBe('done')
    expect(await cache({ id }).get()).toBe('better')
  }
  expect(figures().undecodable).toBeGreaterThan(3 * 15)
  expect(figures().loads).toBe(2 * Object.keys(payloads).length)
})

test('text that was written with marks is not read as text where the plan declares none any more', async () => {
  const value = text() as Options['value']
  const before = await opened({ ...marked, value })
  const after = await opened({ value })
  await before.cache({ id: 'a' }).set('hello')
  await before.cache({ id: 'b' }).getOrLoad(() => undefined)
  expect(await after.cache.getMany([{ id: 'a' }, { id: 'b' }])).toEqual([undefined, undefined])
  expect(after.figures().undecodable).toBe(2)
  expect(await after.cache({ id: 'a' }).getOrLoad(() => 'hello again')).toBe('hello again')
  expect(await own.server.ask('GET', 'value:a')).toBe('hello again')
  await after.cache({ id: 'c' }).set('\x01 is text as well')
  expect(await after.cache({ id: 'c' }).get()).toBe('\x01 is text as well')
})

test('a value larger than maxBytes is not sent, and costs the others nothing', async () => {
  const { cache, notices, figures } = await opened({ ...marked, near: true, maxBytes: '1mb' })
  await cache({ id: 'small' }).set('small')
  const connections = await infoFigure(own.server, 'stats', 'total_connections_received')
  const received = await infoFigure(own.server, 'stats', 'total_net_input_bytes')
  const huge = 'x'.repeat(64 * 1_048_576)
  const others = Array.from({ length: 50 }, () => cache({ id: 'small' }).get())
  await expect(cache({ id: 'huge' }).set(huge)).rejects.toMatchObject({
    code: 'VALUE_INVALID',
    outcome: 'not-executed',
    message: expect.not.stringContaining('xx'),
  })
  expect((await cache({ id: 'huge' }).getOrLoad(() => huge)) === huge).toBe(true)
  expect(await cache({ id: 'huge' }).get()).toBeUndefined()
  expect(await Promise.all(others)).toEqual(Array(50).fill('small'))
  expect(notices).toEqual([{ type: 'oversized', namespace: 'values' }])
  expect(figures().bytesWritten).toBeLessThan(1_000)
  expect((await infoFigure(own.server, 'stats', 'total_net_input_bytes')) - received).toBeLessThan(100_000)
  // Those in between are of this test's own questions.
  expect((await infoFigure(own.server, 'stats', 'total_connections_received')) - connections).toBeLessThanOrEqual(3)
})
