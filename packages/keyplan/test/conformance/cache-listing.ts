import { beforeEach, describe, expect, test } from 'vitest'
import type { Cache, CacheHarness } from './cache.ts'
import { deferred } from './deferred.ts'

interface Clients {
  readonly harness: CacheHarness
  readonly cache: Cache
  readonly other: Cache
}

/** What a cache promises of telling its keys, and of removing many of them. */
export function cacheListing(clients: () => Clients): void {
  describe('keys and deleteMany', () => {
    let { harness, cache, other } = {} as Clients
    beforeEach(() => {
      ;({ harness, cache, other } = clients())
    })
    const numbered = (count: number) => Array.from({ length: count }, (_, index) => ({ id: `n${index}` }))

    async function listed(of: Cache = cache): Promise<string[]> {
      const ids = new Set<string>()
      for await (const { id } of of.keys()) ids.add(id)
      return [...ids].sort()
    }

    test('keys gives the params of what is stored, whoever stored it and however it is spelt', async () => {
      expect(await listed()).toEqual([])
      const ids = ['a', 'b:c', 'ü*?[x]', '', '~d', 'e f']
      for (const id of ids) await cache({ id }).set(id)
      await other({ id: 'loaded' }).getOrLoad(() => 1)
      await cache({ id: 'a' }).delete()
      expect(await listed()).toEqual([...ids.slice(1), 'loaded'].sort())
      expect(await cache({ id: 7 }).set('number')).toBe('done')
      expect(await listed(other)).toContain('7')
    })

    test('keys lists everything that stands throughout, over as many pages as it takes', async () => {
      const ids = numbered(1_300)
      await cache.setMany(ids.map(params => ({ params, value: 1 })))
      await cache({ id: 'gone' }).set(1, { ttl: '50ms' })
      await harness.advance(100)
      const seen = new Set<string>()
      for await (const { id } of cache.keys()) {
        if (seen.size % 400 === 0) await other({ id: `meanwhile ${seen.size}` }).set(1)
        seen.add(id)
      }
      expect(ids.every(({ id }) => seen.has(id))).toBe(true)
      expect(seen.has('gone')).toBe(false)
      for await (const first of cache.keys()) {
        expect(first).toEqual({ id: expect.any(String) })
        break
      }
      await cache.clear()
      expect(await listed()).toEqual([])
    })

    test('keys ends when its signal says so', async () => {
      await cache({ id: 'a' }).set(1)
      const aborted = { signal: AbortSignal.abort() }
      const walk = async () => {
        for await (const _ of cache.keys(aborted)) throw new Error('listed')
      }
      await expect(walk()).rejects.toMatchObject({ code: 'ABORTED' })
      expect(() => cache.keys('all' as never)).toThrow('the options are a string')
    })

    test('deleteMany removes exactly those, however many and however often', async () => {
      // More than a script can take at once.
      const ids = numbered(8_200)
      await cache.setMany(ids.map(params => ({ params, value: 1 })))
      const [first, second, ...others] = ids
      expect(await other.deleteMany([...others, ...others.slice(0, 3), { id: 'never there' }])).toBe('done')
      expect(await listed()).toEqual([first!.id, second!.id].sort())
      expect(await cache.getMany([first!, others[0]!])).toEqual([1, undefined])
      expect(await cache.deleteMany([])).toBe('done')
    })

    test('deleteMany refuses the loads under way, in any process', async () => {
      const loads = [deferred<string>(), deferred<string>()]
      const callers = [cache({ id: 'a' }).getOrLoad(() => loads[0]!.promise)]
      callers.push(other({ id: 'b' }).getOrLoad(() => loads[1]!.promise) as (typeof callers)[0])
      await Promise.all(loads.map(load => load.asked()))
      await cache.deleteMany([{ id: 'a' }, { id: 'b' }])
      for (const load of loads) load.resolve('older')
      expect(await Promise.all(callers)).toEqual(['older', 'older'])
      expect(await cache.getMany([{ id: 'a' }, { id: 'b' }])).toEqual([undefined, undefined])
    })

    test('deleteMany refuses what it cannot take', async () => {
      const nonsense = [
        () => cache.deleteMany({ id: 'a' } as never),
        () => cache.deleteMany([{ name: 'a' }] as never),
        () => cache.deleteMany([{ id: 'a' }], 5 as never),
      ]
      for (const work of nonsense) await expect(work()).rejects.toMatchObject({ code: 'PARAM_INVALID' })
    })
  })
}
