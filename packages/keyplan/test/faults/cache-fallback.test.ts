import { expect, test } from 'vitest'
import { type Options, tagged } from '../conformance/cache.ts'
import { deferred } from '../conformance/deferred.ts'
import { cacheServer, type RedisCacheClient } from '../kinds/cache-redis-harness.ts'
import { until } from '../live-server.ts'

const own = cacheServer({ whenDown: 'memory' }, { attempt: '100ms' })
const { opened } = own

const down = async ({ state }: RedisCacheClient) => {
  await own.server.kill()
  await until(() => state() === 'reconnecting')
}
const up = async ({ state }: RedisCacheClient) => {
  await own.server.restart()
  await until(() => state() === 'connected' || state() === 'degraded')
}
const ids = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `n${index}` }))
const there = (values: readonly unknown[]) => values.filter(value => value !== undefined).length

test.each<[string, Partial<Options>]>([
  ['plain', {}],
  ['tagged', tagged],
])('of very many keys asked for in an outage so many values are kept: %s', async (_name, options) => {
  const client = await opened(options)
  await down(client)
  const all = ids(15_000)
  for (let from = 0; from < all.length; from += 1_000) {
    const loads = all.slice(from, from + 1_000).map(params => client.cache(params).getOrLoad(() => params.id))
    expect(there(await Promise.all(loads))).toBe(1_000)
  }
  expect(there(await client.cache.getMany(all))).toBe(10_000)
  await client.cache.setMany(all.slice(0, 12_000).map(params => ({ params, value: 'set' })))
  expect(there(await client.cache.getMany(all))).toBe(10_000)
  await up(client)
})

test.each<[string, string]>([
  ['of one byte each', 'x'],
  ['of three', '€'],
])('nor more than so many bytes: characters %s', async (_name, character) => {
  const client = await opened()
  await down(client)
  const bytes = 1_048_576
  const value = character.repeat(bytes / Buffer.byteLength(character))
  const all = ids(100)
  for (const params of all) await client.cache(params).getOrLoad(() => value)
  const kept = there(await Promise.all(all.map(params => client.cache(params).get())))
  expect(kept).toBeGreaterThan(50)
  expect(kept).toBeLessThanOrEqual(64)
  await up(client)
})

test('what was made up in an outage is not stored, and is not served again after it', async () => {
  const client = await opened({ ...tagged, near: true, negativeTtl: '1h', staleIfError: '1h' })
  const other = await opened(tagged)
  await other.cache({ id: 'n0' }).set('before')
  await down(client)
  for (const params of ids(100)) await client.cache(params).getOrLoad(() => 'made up')
  expect(await client.cache({ id: 'none' }).getOrLoad(() => undefined)).toBeUndefined()
  expect(await client.cache({ id: 'n1' }).set('owed')).toBe('owed')
  expect(await client.cache.getMany([{ id: 'n0' }, { id: 'n1' }, { id: 'n2' }])).toEqual(['made up', 'owed', 'made up'])
  const gate = deferred<unknown>()
  const late = client.cache({ id: 'late' }).getOrLoad(() => gate.promise)
  await gate.asked()
  await up(client)
  await until(() => other.state() === 'connected' || other.state() === 'degraded')
  for (const id of ['n1', 'n2', 'late', 'none']) await other.cache({ id }).set('newer')
  gate.resolve('too late')
  await late
  for (const id of ['n1', 'n2', 'late', 'none']) {
    await until(async () => (await client.cache({ id }).get()) === 'newer')
    expect(await own.server.ask('GET', `value:${id}`)).toContain('newer')
  }
  const stored = (await own.server.ask('KEYS', 'value:*')) as string[]
  expect(stored.sort()).toEqual(['value:late', 'value:n1', 'value:n2', 'value:none'])
  await down(client)
  expect(there(await client.cache.getMany([...ids(100), { id: 'none' }]))).toBe(0)
  expect(client.notices).toEqual([])
  await up(client)
})

test('nor is what was begun while Redis hung, and ends when it has answered since', async () => {
  const client = await opened()
  const other = await opened()
  await client.cache({ id: 'b' }).set('there')
  await own.server.pause()
  const gate = deferred<unknown>()
  const late = client.cache({ id: 'a' }).getOrLoad(() => gate.promise)
  await gate.asked()
  own.server.resume()
  await until(async () => (await other.cache({ id: 'a' }).set('newer')) === 'done')
  await until(async () => (await client.cache({ id: 'a' }).get()) === 'newer')
  gate.resolve('older')
  expect(await late).toBe('older')
  await down(client)
  expect(await client.cache({ id: 'a' }).get()).toBeUndefined()
  await up(client)
})
