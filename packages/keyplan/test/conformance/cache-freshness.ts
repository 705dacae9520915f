import { beforeEach, describe, expect, test } from 'vitest'
import type { LoadContext } from '../../src/kinds/cache/contract.ts'
import type { CacheHarness } from './cache.ts'
import { tagged } from './cache.ts'
import { deferred } from './deferred.ts'

/** What a cache promises of values that are no longer fresh, and of loaders that fail, are slow or find nothing. */
export function cacheFreshness(open: () => CacheHarness): void {
  describe('freshness', () => {
    let harness: CacheHarness
    beforeEach(() => {
      harness = open()
    })
    const never = () => {
      throw new Error('the loader was called')
    }
    const failing = () => Promise.reject(new Error('mine'))
    /** Lets what goes on in the background come to its end. */
    async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
      for (let turn = 0; turn < 1_000; turn++) {
        if (await holds()) return
        await harness.advance(1)
      }
      throw new Error('it did not come about')
    }

    test('staleWhileRevalidate: the old value at once, the new one from the background, in one load', async () => {
      const cache = await harness.client({ ttl: '400ms', staleWhileRevalidate: '1h' })
      await cache({ id: 'a' }).getOrLoad(() => 'old')
      expect(await cache({ id: 'a' }).getOrLoad(never)).toBe('old')
      await harness.advance(410)
      expect(await cache({ id: 'a' }).get()).toBeUndefined()
      expect(await cache.getMany([{ id: 'a' }])).toEqual([undefined])
      const gate = deferred<unknown>()
      let loads = 0
      const load = () => {
        loads++
        return gate.promise
      }
      const reads = Array.from({ length: 5 }, () => cache({ id: 'a' }).getOrLoad(load))
      expect(await Promise.all(reads)).toEqual(Array(5).fill('old'))
      await until(() => loads === 1)
      gate.resolve('new')
      await until(async () => (await cache({ id: 'a' }).get()) === 'new')
      expect(loads).toBe(1)
    })

    test('an old value ends with its window, and a delete or a tag ends it at once', async () => {
      const cache = await harness.client({ ...tagged, ttl: '30ms', staleWhileRevalidate: '1h' })
      const brief = await harness.client({ ttl: '30ms', staleWhileRevalidate: '60ms' })
      for (const id of ['a', 'b']) await cache({ id }).set('old')
      await brief({ id: 'c' }).set('old')
      await harness.advance(100)
      await cache({ id: 'a' }).delete()
      await cache.invalidateTag('first:b')
      for (const id of ['a', 'b']) expect(await cache({ id }).getOrLoad(() => 'new')).toBe('new')
      expect(await brief({ id: 'c' }).getOrLoad(() => 'new')).toBe('new')
    })

    test('staleIfError: the old value when the loader fails, which is then left alone for a while', async () => {
      const cache = await harness.client({ ttl: '30ms', staleIfError: '1h' })
      await expect(cache({ id: 'a' }).getOrLoad(failing)).rejects.toThrow('mine')
      await cache({ id: 'a' }).getOrLoad(() => 'old')
      await harness.advance(40)
      let calls = 0
      const load = () => {
        calls++
        return calls < 2 ? failing() : 'new'
      }
      for (let read = 0; read < 5; read++) expect(await cache({ id: 'a' }).getOrLoad(load)).toBe('old')
      expect(calls).toBe(1)
      await harness.advance(1_010)
      expect(await cache({ id: 'a' }).getOrLoad(load)).toBe('new')
      expect(await cache({ id: 'a' }).getOrLoad(never)).toBe('new')
    })

    test('a write takes the place of an old value, and a load that began before does not undo it', async () => {
      const cache = await harness.client({ ttl: '30ms', staleWhileRevalidate: '1h' })
      const other = await harness.client({ ttl: '1h', staleWhileRevalidate: '1h' })
      await cache({ id: 'a' }).set('old')
      await harness.advance(40)
      const gate = deferred<unknown>()
      expect(await cache({ id: 'a' }).getOrLoad(() => gate.promise)).toBe('old')
      await gate.asked()
      await other({ id: 'a' }).set('set')
      gate.resolve('loaded')
      await harness.advance(30)
      expect(await other({ id: 'a' }).get()).toBe('set')
    })

    test('earlyRefresh: a share of the time to live begins a load in the background while the value is fresh', async () => {
      const cache = await harness.client({ ttl: '1h', earlyRefresh: 0 })
      const lazy = await harness.client({ ttl: '1h', earlyRefresh: 0.9 })
      await cache({ id: 'a' }).set('old')
      expect(await cache({ id: 'a' }).getOrLoad(() => 'new')).toBe('old')
      await until(async () => (await cache({ id: 'a' }).get()) === 'new')
      await lazy({ id: 'b' }).set('old')
      expect(await lazy({ id: 'b' }).getOrLoad(never)).toBe('old')
    })

    test('earlyRefresh xfetch: hardly ever at the beginning of the time to live', async () => {
      const cache = await harness.client({ ttl: '1h', earlyRefresh: 'xfetch' })
      await cache({ id: 'a' }).getOrLoad(() => 'old')
      for (let read = 0; read < 20; read++) expect(await cache({ id: 'a' }).getOrLoad(never)).toBe('old')
    })

    test('that there is none is remembered for negativeTtl, and ended by a write, a delete or a tag', async () => {
      const cache = await harness.client({ ...tagged, ttl: '1h', negativeTtl: '1s' })
      const other = await harness.client({ ...tagged, ttl: '1h', negativeTtl: '1s' })
      for (const id of ['a', 'b', 'c', 'd']) expect(await cache({ id }).getOrLoad(() => undefined)).toBeUndefined()
      for (const id of ['a', 'b', 'c', 'd']) expect(await other({ id }).getOrLoad(never)).toBeUndefined()
      expect(await other({ id: 'a' }).has()).toBe(false)
      expect(await other.getMany([{ id: 'a' }])).toEqual([undefined])
      expect(await other.getOrLoadMany([{ id: 'a' }, { id: 'b' }], never)).toEqual([undefined, undefined])
      await other({ id: 'a' }).set(1)
      await other({ id: 'b' }).delete()
      await other.invalidateTag('first:c')
      expect(await Promise.all(['a', 'b', 'c'].map(id => cache({ id }).getOrLoad(() => 'found')))).toEqual([
        1,
        'found',
        'found',
      ])
      await harness.advance(1_010)
      expect(await cache({ id: 'd' }).getOrLoad(() => 'found')).toBe('found')
    })

    test('a loader past its hard time limit fails its callers, and its value is stored all the same', async () => {
      const cache = await harness.client({ loadTimeout: '40ms' })
      const gate = deferred<unknown>()
      const loading = cache({ id: 'a' }).getOrLoad(() => gate.promise)
      const refused = expect(loading).rejects.toMatchObject({ code: 'TIMEOUT' })
      await gate.asked()
      await harness.advance(60)
      await refused
      gate.resolve('late')
      await until(async () => (await cache({ id: 'a' }).get()) === 'late')
    })

    test('a loader past its soft time limit leaves its callers the old value, and goes on', async () => {
      const cache = await harness.client({
        ttl: '30ms',
        staleIfError: '1h',
        loadTimeout: { soft: '40ms', hard: '10s' },
      })
      await cache({ id: 'a' }).set('old')
      await harness.advance(40)
      const gate = deferred<unknown>()
      const loading = cache({ id: 'a' }).getOrLoad(() => gate.promise)
      await gate.asked()
      await harness.advance(60)
      expect(await loading).toBe('old')
      const abort = new AbortController()
      const left = expect(cache({ id: 'a' }).getOrLoad(never, { signal: abort.signal })).rejects.toMatchObject({
        code: 'ABORTED',
      })
      abort.abort()
      await left
      gate.resolve('new')
      // Its time to live is short: a fresh one is seen in the moment it is there, or has been.
      await until(async () => (await cache({ id: 'a' }).getOrLoad(() => 'new')) === 'new')
    })

    test('a loader sees the previous value, keeps it, sets its time to live, and may have its value not stored', async () => {
      const cache = await harness.client({ ttl: '30ms', staleIfError: '1h' })
      const seen: unknown[] = []
      const told =
        (say: (load: LoadContext<unknown>) => unknown) =>
        (load: LoadContext<unknown>): unknown => {
          seen.push(load.previous)
          return say(load)
        }
      const read = (say: (load: LoadContext<unknown>) => unknown) => cache({ id: 'a' }).getOrLoad(told(say))
      expect(await read(() => ({ n: 1 }))).toEqual({ n: 1 })
      await harness.advance(40)
      expect(await read(load => load.unchanged)).toEqual({ n: 1 })
      await harness.advance(40)
      const lasting = await read(load => {
        load.setTtl('1h')
        return { n: 2 }
      })
      expect(lasting).toEqual({ n: 2 })
      await harness.advance(40)
      expect(await cache({ id: 'a' }).getOrLoad(never)).toEqual({ n: 2 })
      await cache({ id: 'a' }).delete()
      const once = await read(load => {
        load.skipStore()
        return 3
      })
      expect([once, await cache({ id: 'a' }).get()]).toEqual([3, undefined])
      await expect(read(load => load.unchanged)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      const soon = read(load => {
        load.setTtl('soon' as '1s')
        return 4
      })
      await expect(soon).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      expect(seen).toEqual([undefined, { n: 1 }, { n: 1 }, undefined, undefined, undefined])
    })

    test('getOrLoadMany serves what is old and loads it in the background with what is missing', async () => {
      const cache = await harness.client({ ttl: '30ms', staleWhileRevalidate: '1h' })
      const lasting = { ttl: '1h' } as const
      await cache({ id: 'a' }).set('old')
      await cache({ id: 'b' }).set('fresh', lasting)
      await harness.advance(40)
      const asked: unknown[] = []
      const answers = await cache.getOrLoadMany([{ id: 'a' }, { id: 'b' }, { id: 'c' }], async missing => {
        asked.push(missing)
        return missing.map(({ id }) => `new ${id}`)
      })
      expect(answers).toEqual(['old', 'fresh', 'new c'])
      expect(asked).toEqual([[{ id: 'a' }, { id: 'c' }]])
    })
  })
}
