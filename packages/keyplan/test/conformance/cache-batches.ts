import { beforeEach, describe, expect, test } from 'vitest'
import type { Cache, CacheHarness } from './cache.ts'
import { deferred } from './deferred.ts'

interface Clients {
  readonly harness: CacheHarness
  readonly cache: Cache
  readonly other: Cache
}

/** What a cache promises of many keys at once, and of large values. */
export function cacheBatches(clients: () => Clients): void {
  describe('many keys', () => {
    let { harness, cache, other } = {} as Clients
    beforeEach(() => {
      ;({ harness, cache, other } = clients())
    })
    const never = () => {
      throw new Error('the loader was called')
    }

    test('getMany keeps the order, gaps and repetitions', async () => {
      await Promise.all(['a', 'c', 'd'].map(id => cache({ id }).set(id)))
      const asked = ['d', 'b', 'a', 'd', 'c'].map(id => ({ id }))
      expect(await other.getMany(asked)).toEqual(['d', undefined, 'a', 'd', 'c'])
      expect(await other.getMany([])).toEqual([])
    })

    test('setMany stores each for its own time or the namespace’s', async () => {
      const entry = (id: string) => ({ params: { id }, value: { id } })
      const entries = [entry('a'), { ...entry('b'), ttl: '400ms' as const }, entry('c')]
      expect(await cache.setMany(entries)).toBe('done')
      expect(await other.getMany(entries.map(({ params }) => params))).toEqual(entries.map(({ value }) => value))
      await harness.advance(500)
      expect(await other.getMany([{ id: 'a' }, { id: 'b' }])).toEqual([{ id: 'a' }, undefined])
      expect(await cache.setMany([])).toBe('done')
    })

    test('getOrLoadMany loads what is missing in one call, and stores it', async () => {
      await cache({ id: 'b' }).set('stored')
      const asked: unknown[] = []
      const load = async (missing: readonly { id: string | number }[]) => {
        asked.push(missing)
        return missing.map(({ id }) => (id === 'd' ? undefined : `loaded ${id}`))
      }
      const ids = ['a', 'b', 'c', 'a', 'd'].map(id => ({ id }))
      const values = ['loaded a', 'stored', 'loaded c', 'loaded a', undefined]
      expect(await cache.getOrLoadMany(ids, load)).toEqual(values)
      expect(asked).toEqual([[{ id: 'a' }, { id: 'c' }, { id: 'd' }]])
      expect(await other.getOrLoadMany(ids.slice(0, 4), never)).toEqual(values.slice(0, 4))
      expect(await cache.getOrLoadMany([], never)).toEqual([])
    })

    test('getOrLoadMany shares the loads that are under way, and is shared', async () => {
      const gate = deferred<unknown>()
      const single = cache({ id: 'a' }).getOrLoad(() => gate.promise)
      await gate.asked()
      const missed: unknown[] = []
      const batch = deferred<unknown[]>()
      const many = cache.getOrLoadMany([{ id: 'a' }, { id: 'b' }], missing => {
        missed.push(missing)
        return batch.promise
      })
      await batch.asked()
      const joined = cache({ id: 'b' }).getOrLoad(never)
      gate.resolve('single')
      // Whoever joins finds out first whether it may.
      await cache({ id: 'c' }).getOrLoad(() => 'after a trip')
      batch.resolve(['batch'])
      expect(await Promise.all([single, many, joined])).toEqual(['single', ['single', 'batch'], 'batch'])
      expect(missed).toEqual([[{ id: 'b' }]])
    })

    test('a loader of many that fails, or gives another number of values, stores nothing', async () => {
      const ids = [{ id: 'a' }, { id: 'b' }]
      await expect(cache.getOrLoadMany(ids, () => Promise.reject(new Error('mine')))).rejects.toThrow('mine')
      await expect(cache.getOrLoadMany(ids, () => ['one'])).rejects.toMatchObject({
        code: 'PARAM_INVALID',
        message: expect.stringContaining('gave 1 values for 2'),
      })
      expect(await cache.getMany(ids)).toEqual([undefined, undefined])
    })

    test('a value that is larger than may be stored is refused when it is set, and not stored when it is loaded', async () => {
      const small = await harness.client({ maxBytes: '10b' })
      await expect(small({ id: 'a' }).set('äääääää')).rejects.toMatchObject({
        code: 'VALUE_INVALID',
        message: expect.stringContaining('takes 16 bytes and maxBytes is 10'),
      })
      expect(await small({ id: 'a' }).getOrLoad(() => 'x'.repeat(20))).toBe('x'.repeat(20))
      expect(await small({ id: 'a' }).get()).toBeUndefined()
      await small({ id: 'a' }).set('12345678')
      expect(await small({ id: 'a' }).get()).toBe('12345678')
    })
  })
}
