import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bytes } from '../../src/base/codec/bytes.ts'
import { json } from '../../src/base/codec/json.ts'
import { connect } from '../../src/client/connect.ts'
import { cache } from '../../src/kinds/cache/contract.ts'
import { definePlan } from '../../src/plan/define.ts'
import type { Cache, Options } from '../conformance/cache.ts'
import { deferred } from '../conformance/deferred.ts'
import { until } from '../live-server.ts'
import { cacheServer } from './cache-redis-harness.ts'

const { opened } = cacheServer()

async function inMemory(options: Partial<Options>): Promise<Cache> {
  const values = cache<'value:<id>', unknown, unknown>('value:<id>', {
    ttl: '1h',
    value: json<unknown>(),
    ...options,
  })
  const client = await connect(definePlan('caches', { values }), { memory: true, log: () => {} })
  onTestFinished(() => client.$close())
  return client.values
}

const value = bytes() as Options['value']
const given = () => Buffer.from('abc')

/** A reader who takes what it gets for its own. */
function spoil(read: unknown): string {
  const buffer = read as Uint8Array
  const was = Buffer.from(buffer).toString()
  buffer.fill(0)
  return was
}

describe.each<[string, Partial<Options>]>([
  ['plain', { value }],
  ['with a header', { value, staleIfError: '1h' }],
])('whoever gets bytes may change them: %s', (_name, options) => {
  test.each<[string, () => Promise<Cache>]>([
    ['Redis', async () => (await opened(options)).cache],
    ['memory', () => inMemory(options)],
  ])('they are no one else’s, over %s', async (_store, open) => {
    const values = await open()
    const mine = given()
    const loads = [1, 2].map(() => values({ id: 'loaded' }).getOrLoad(() => mine))
    expect((await Promise.all(loads)).map(spoil)).toEqual(['abc', 'abc'])
    expect(mine.toString()).toBe('abc')
    await values({ id: 'set' }).set(mine)
    mine.fill(0)
    for (let round = 0; round < 2; round++) {
      const reads = [1, 2].map(() => values({ id: 'set' }).get())
      expect((await Promise.all(reads)).map(spoil)).toEqual(['abc', 'abc'])
      expect((await values.getMany([{ id: 'set' }, { id: 'set' }])).map(spoil)).toEqual(['abc', 'abc'])
    }
  })

  test.each(['frozen', 'copies'] as const)('nor are those of the process: %s', async kept => {
    const { cache: values, figures } = await opened({ ...options, near: { values: kept } })
    await values({ id: 'a' }).set(given())
    await until(async () => {
      expect(spoil(await values({ id: 'a' }).get())).toBe('abc')
      return figures().nearHits > 3
    })
  })
})

test('what a loader does to the previous value is not seen by who gets that, nor the other way round', async () => {
  const { cache: values } = await opened({ ttl: '30ms', staleWhileRevalidate: '1h' })
  await values({ id: 'a' }).set({ list: [1] })
  await sleep(40)
  const gate = deferred<void>()
  let begun = () => {}
  const loading = new Promise<void>(resolve => {
    begun = resolve
  })
  const old = (await values({ id: 'a' }).getOrLoad(async load => {
    const previous = load.previous as { list: number[] }
    previous.list.push(2)
    begun()
    await gate.promise
    load.setTtl('1h')
    return previous
  })) as { list: number[] }
  await loading
  expect(old).toEqual({ list: [1] })
  old.list.push(3)
  gate.resolve()
  await until(async () => (await values({ id: 'a' }).get()) !== undefined)
  expect(await values({ id: 'a' }).get()).toEqual({ list: [1, 2] })
})

describe('frozen', () => {
  const isFrozen = (read: unknown) => Object.isFrozen(read) && Object.isFrozen((read as { list: unknown }).list)

  test('is all of a value, though the codec has frozen the top of it', async () => {
    const decode = (stored: unknown) => Object.freeze(JSON.parse(String(stored)))
    const { cache: values, figures } = await opened({ near: true, value: { ...json<unknown>(), decode } })
    await values({ id: 'a' }).set({ list: [1] })
    await until(async () => {
      expect(isFrozen(await values({ id: 'a' }).get())).toBe(true)
      return figures().nearHits > 0
    })
  })

  test('is every value of a key: one that is old, due, loaded, or not kept', async () => {
    const options = { near: true, ttl: '200ms', staleWhileRevalidate: '1h', earlyRefresh: 0 } as const
    const { cache: values } = await opened(options)
    const load = () => ({ list: [1] })
    const read = async () => expect(isFrozen(await values({ id: 'a' }).getOrLoad(load))).toBe(true)
    await read()
    await read()
    await sleep(220)
    await read()
    await values({ id: 'b' }).set(load())
    expect((await values.getMany([{ id: 'b' }, { id: 'c' }])).map(one => one && isFrozen(one))).toEqual([
      true,
      undefined,
    ])
  })
})
