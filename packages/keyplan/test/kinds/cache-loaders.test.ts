import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { KeyplanError } from '../../src/base/error.ts'
import type { Options } from '../conformance/cache.ts'
import { deferred } from '../conformance/deferred.ts'
import { until } from '../live-server.ts'
import { cacheServer } from './cache-redis-harness.ts'

const own = cacheServer()
const { opened } = own

async function openedWithoutRedis(options: Partial<Options>) {
  const client = await opened(options)
  await own.server.kill()
  await until(() => client.state() !== 'connected')
  return client
}

const hangs = () => new Promise<never>(() => {})
const late = { code: 'TIMEOUT' }

describe('a loader that never settles', () => {
  test('keeps a key to itself no longer than its hard limit', async () => {
    const { cache, figures } = await opened({ loadTimeout: '60ms' })
    await expect(cache({ id: 'a' }).getOrLoad(hangs)).rejects.toMatchObject(late)
    await until(() => figures().loadErrors === 1)
    expect(figures().loads).toBe(1)
    const again = () => cache({ id: 'a' }).getOrLoad(() => 'loaded')
    await until(async () => (await again().catch(() => undefined)) === 'loaded')
    expect(await cache({ id: 'a' }).get()).toBe('loaded')
  })

  test('nor does one in the background', async () => {
    const { cache } = await opened({ ttl: '30ms', staleWhileRevalidate: '1h', loadTimeout: '60ms' })
    await cache({ id: 'a' }).set('old')
    await sleep(40)
    expect(await cache({ id: 'a' }).getOrLoad(hangs)).toBe('old')
    await until(async () => (await cache({ id: 'a' }).getOrLoad(() => 'new')) === 'new')
  })

  test('nor one of the few that run while Redis is away', async () => {
    const { cache } = await openedWithoutRedis({ maxLoadsWhenDown: 2, loadTimeout: '60ms' })
    const hung = ['a', 'b', 'c', 'd'].map(id => cache({ id }).getOrLoad(hangs))
    for (const result of await Promise.allSettled(hung)) expect(result).toMatchObject({ reason: late })
    await until(async () => {
      const loading = cache({ id: 'e' }).getOrLoad(() => 'loaded')
      return (await loading.catch(() => undefined)) === 'loaded'
    })
  })
})

test('a load that is late and then fails is one load error', async () => {
  const { cache, figures } = await opened({ loadTimeout: '60ms' })
  const gate = deferred<unknown>()
  await expect(cache({ id: 'a' }).getOrLoad(() => gate.promise)).rejects.toMatchObject(late)
  await until(() => figures().loadErrors === 1)
  gate.reject(new Error('mine'))
  // What all loads took is counted when they have ended.
  await until(() => figures().loadMs > 0)
  expect(figures()).toMatchObject({ loads: 1, loadErrors: 1 })
})

test('a load past its hard limit is still stored when another has begun meanwhile, and dropped by a delete', async () => {
  for (const stands of [true, false]) {
    const { cache } = await opened({ loadTimeout: '60ms' })
    const first = deferred<unknown>()
    await expect(cache({ id: 'a' }).getOrLoad(() => first.promise)).rejects.toMatchObject(late)
    const second = deferred<unknown>()
    const again = () =>
      cache({ id: 'a' })
        .getOrLoad(() => second.promise)
        .catch(() => {})
    const waiting: Promise<unknown>[] = []
    let begun = false
    void second.asked().then(() => {
      begun = true
    })
    await until(() => {
      waiting.push(again())
      return begun
    })
    if (!stands) await cache({ id: 'a' }).delete()
    first.resolve('first')
    if (stands) await until(async () => (await cache({ id: 'a' }).get()) === 'first')
    second.resolve('second')
    await Promise.all(waiting)
    await sleep(20)
    expect((await cache({ id: 'a' }).get()) === 'first').toBe(stands)
    await cache({ id: 'a' }).delete()
  }
})

describe('an old value stands in', () => {
  const options = { ttl: '30ms', staleIfError: '1h' } as const

  test('for a loader that was aborted by a signal of its own', async () => {
    const { cache } = await opened(options)
    await cache({ id: 'a' }).set('old')
    await sleep(40)
    const load = () => Promise.reject(new KeyplanError('ABORTED', 'mine', { outcome: 'not-executed' }))
    expect(await cache({ id: 'a' }).getOrLoad(load, { signal: new AbortController().signal })).toBe('old')
  })

  test('for a value that cannot be stored, and its loader is left alone as one that failed', async () => {
    const { cache, figures } = await opened(options)
    await cache({ id: 'a' }).set('old')
    await sleep(40)
    for (let read = 0; read < 5; read++) expect(await cache({ id: 'a' }).getOrLoad(() => 1n)).toBe('old')
    expect(figures()).toMatchObject({ loads: 1, loadErrors: 1, stale: 5 })
  })
})

test('what getOrLoadMany misses is one of the loads that run at once while Redis is away', async () => {
  const { cache } = await openedWithoutRedis({ maxLoadsWhenDown: 2 })
  const asked: number[] = []
  let running = 0
  let most = 0
  const load = async (missing: readonly unknown[]) => {
    asked.push(missing.length)
    most = Math.max(most, ++running)
    await sleep(5)
    running--
    return missing.map(() => 1)
  }
  const params = (name: string) => Array.from({ length: 20 }, (_, index) => ({ id: `${name}${index}` }))
  const answers = await Promise.all(['a', 'b', 'c', 'd'].map(name => cache.getOrLoadMany(params(name), load)))
  expect(answers).toEqual(Array(4).fill(Array(20).fill(1)))
  expect([asked, most]).toEqual([Array(4).fill(20), 2])
})

describe('while Redis is away, a loader that reads other keys', () => {
  test('does not wait for those that wait for it', async () => {
    const { cache } = await openedWithoutRedis({ maxLoadsWhenDown: 2 })
    const parents = ['a', 'b', 'c', 'd']
    const child = (id: string) => cache({ id: `${id}.x` }).getOrLoad(() => id)
    const loads = parents.map(id =>
      cache({ id }).getOrLoad(async () => {
        await sleep(1)
        return child(id)
      }),
    )
    // Of these the first ones are asked for by strangers.
    expect(await Promise.all([...parents.map(child), ...loads])).toEqual([...parents, ...parents])
    const many = (name: string) => cache.getOrLoadMany([{ id: name }], async () => [await child(name)])
    expect(await Promise.all(parents.map(id => many(`${id}.many`)))).toEqual(parents.map(id => [`${id}.many`]))
  })

  test('has a turn of its own though its question shared a round trip with others', async () => {
    const { cache } = await openedWithoutRedis({ maxLoadsWhenDown: 1 })
    const nested = (id: string): Promise<unknown> =>
      cache({ id }).getOrLoad(() => (id.length > 4 ? id : Promise.all([nested(`${id}0`), nested(`${id}1`)])))
    const strangers = Array.from({ length: 10 }, (_, id) => cache({ id }).getOrLoad(() => sleep(1, id)))
    await Promise.all([nested('n'), ...strangers, nested('m')])
  })
})

test('while Redis is away, loads that nobody waits for any more are not begun', async () => {
  const { cache, figures } = await openedWithoutRedis({ maxLoadsWhenDown: 1 })
  const gate = deferred<unknown>()
  const first = cache({ id: 'first' }).getOrLoad(() => gate.promise)
  await gate.asked()
  const called: string[] = []
  const leaving = new AbortController()
  const load = (id: string, options: { signal?: AbortSignal; deadline?: '20ms' } = {}) =>
    cache({ id }).getOrLoad(async () => called.push(id), options)
  const gone = [load('a', { signal: leaving.signal }), load('b', { deadline: '20ms' }), load('c', { deadline: '20ms' })]
  const stays = load('c')
  await expect(gone[1]).rejects.toMatchObject(late)
  leaving.abort()
  await Promise.allSettled(gone)
  await until(() => figures().loadErrors === 2)
  const again = load('a')
  gate.resolve('loaded')
  await Promise.all([first, stays, again])
  expect(called).toEqual(['c', 'a'])
})
