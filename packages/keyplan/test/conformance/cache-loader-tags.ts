import { beforeEach, describe, expect, test } from 'vitest'
import { text } from '../../src/base/codec/text.ts'
import type { LoadContext } from '../../src/kinds/cache/contract.ts'
import type { Cache, CacheHarness } from './cache.ts'
import { deferred } from './deferred.ts'

/** What a cache promises of tags that only the loaders know. */
export function cacheLoaderTags(open: () => CacheHarness): void {
  describe('tags that loaders name', () => {
    let harness: CacheHarness
    let cache: Cache
    let other: Cache
    beforeEach(async () => {
      harness = open()
      cache = await harness.client({ loaderTags: true, tags: ({ id }) => [`id:${id}`] })
      other = await harness.client({ loaderTags: true, tags: ({ id }) => [`id:${id}`] })
    })
    const never = () => {
      throw new Error('the loader was called')
    }
    const naming =
      (value: unknown, ...tags: string[]) =>
      (load: LoadContext<unknown>) => {
        load.addTags(...tags)
        return value
      }
    /** A change of a tag by another process is news that takes a trip. */
    async function until(holds: () => Promise<boolean>): Promise<void> {
      for (let turn = 0; turn < 1_000; turn++) {
        if (await holds()) return
        await harness.advance(1)
      }
      throw new Error('it did not come about')
    }

    test('outdate the values that carry them, in every process, and no others', async () => {
      await cache({ id: 'a' }).getOrLoad(naming('A', 'team: 1,%', 'all'))
      await cache({ id: 'b' }).getOrLoad(naming('B', 'all'))
      await cache({ id: 'c' }).getOrLoad(() => 'C')
      const ids = ['a', 'b', 'c'].map(id => ({ id }))
      expect(await other.getMany(ids)).toEqual(['A', 'B', 'C'])
      expect(await other.getOrLoadMany(ids, never)).toEqual(['A', 'B', 'C'])
      expect(await other({ id: 'a' }).getOrLoad(never)).toBe('A')
      expect(await cache.invalidateTag('team: 1,%')).toBe('done')
      expect(await cache.getMany(ids)).toEqual([undefined, 'B', 'C'])
      await until(async () => (await other({ id: 'a' }).get()) === undefined)
      expect(await other.getMany(ids)).toEqual([undefined, 'B', 'C'])
      await other({ id: 'a' }).getOrLoad(naming('A2', 'all'))
      await other.invalidateTag('all')
      expect(await other.getMany(ids)).toEqual([undefined, undefined, 'C'])
      await other.invalidateTag('id:c')
      expect(await other({ id: 'c' }).has()).toBe(false)
    })

    test('as many as may be declared and named go along with a value', async () => {
      const hundred = (name: string) => Array.from({ length: 100 }, (_, index) => `${name}-${100 + index}`)
      const names = hundred('a-user-by-name')
      const whole = await harness.client({ loaderTags: true, tags: () => hundred('group'), value: text() })
      expect(await whole({ id: 'a' }).getOrLoad(naming('A', ...names))).toBe('A')
      expect(await whole({ id: 'a' }).get()).toBe('A')
      await whole.invalidateTag(names[99]!)
      expect(await whole({ id: 'a' }).get()).toBeUndefined()
      await whole({ id: 'a' }).set('B')
      expect(await whole({ id: 'a' }).get()).toBe('B')
      await whole.invalidateTag(hundred('group')[99]!)
      expect(await whole({ id: 'a' }).get()).toBeUndefined()
    })

    test('a load is not stored when one of them was outdated while it went on, and no later caller joins it', async () => {
      // Of a tag that nobody has carried yet it cannot be told whether it was outdated meanwhile, if any was.
      await other({ id: 'z' }).getOrLoad(naming('Z', 'of b'))
      const gates = { a: deferred<unknown>(), b: deferred<unknown>() }
      const load = (id: 'a' | 'b') =>
        cache({ id }).getOrLoad(async told => {
          const value = await gates[id].promise
          told.addTags(`of ${id}`)
          return value
        })
      const loads = [load('a'), load('b')]
      await Promise.all([gates.a.asked(), gates.b.asked()])
      await other.invalidateTag('of a')
      gates.a.resolve('old')
      gates.b.resolve('B')
      expect(await Promise.all(loads)).toEqual(['old', 'B'])
      expect(await other({ id: 'a' }).getOrLoad(naming('new', 'of a'))).toBe('new')
      expect(await cache({ id: 'b' }).getOrLoad(never)).toBe('B')

      await cache({ id: 'c' }).delete()
      const gate = deferred<unknown>()
      const first = cache({ id: 'c' }).getOrLoad(() => gate.promise)
      await gate.asked()
      await cache.invalidateTag('anything')
      expect(await cache({ id: 'c' }).getOrLoad(() => 'second')).toBe('second')
      gate.resolve('first')
      expect(await first).toBe('first')
    })

    test('a load is stored when nothing was outdated while it went on, whatever other tags have begun meanwhile', async () => {
      const gate = deferred<unknown>()
      const load = cache({ id: 'a' }).getOrLoad(async told => {
        told.addTags('new')
        return gate.promise
      })
      await gate.asked()
      await other({ id: 'b' }).getOrLoad(naming('B', 'newer'))
      await other({ id: 'c' }).set('C')
      gate.resolve('A')
      await load
      expect(await cache.getOrLoadMany([{ id: 'a' }, { id: 'b' }], never)).toEqual(['A', 'B'])
    })

    test('a tag that was outdated is named again by the loads that begin after that', async () => {
      for (const round of [1, 2, 3]) {
        await cache({ id: 'a' }).getOrLoad(naming(round, 'x', `of ${round}`))
        expect(await other({ id: 'a' }).getOrLoad(never)).toBe(round)
        await other.invalidateTag('x')
        await harness.advance(5)
        expect(await other({ id: 'a' }).get()).toBeUndefined()
      }
    })

    test('a tag that one key declares and the loader of another names outdates both', async () => {
      await cache({ id: 'a' }).set('A')
      const load = () => other({ id: 'b' }).getOrLoad(naming('B', 'id:a'))
      expect(await load()).toBe('B')
      // Not stored the first time, since the tag began by itself.
      expect(await load()).toBe('B')
      expect(await other({ id: 'b' }).getOrLoad(never)).toBe('B')
      await other.invalidateTag('id:a')
      expect(await other.getMany([{ id: 'a' }, { id: 'b' }])).toEqual([undefined, undefined])
    })

    test('a previous value that is unchanged keeps its tags', async () => {
      const brief = await harness.client({ loaderTags: true, ttl: '20ms', staleIfError: '1h' })
      await brief({ id: 'a' }).getOrLoad(naming('A', 'x'))
      await harness.advance(30)
      const kept = await brief({ id: 'a' }).getOrLoad(load => {
        load.setTtl('1h')
        return load.unchanged
      })
      expect([kept, await brief({ id: 'a' }).get()]).toEqual(['A', 'A'])
      await brief.invalidateTag('x')
      expect(await brief({ id: 'a' }).get()).toBeUndefined()
    })

    test('what is no tag, or too many, is refused, and so is a namespace that does not declare them', async () => {
      const plain = await harness.client()
      const refused = { code: 'PARAM_INVALID' }
      for (const wrong of [[''], [7], ['\ud800'], Array.from({ length: 101 }, (_, index) => `${index}`)]) {
        await expect(cache({ id: 'a' }).getOrLoad(naming(1, ...(wrong as string[])))).rejects.toMatchObject(refused)
      }
      await expect(cache({ id: 'a' }).getOrLoad(naming(1, 'x'.repeat(2_001)))).rejects.toMatchObject(refused)
      await expect(plain({ id: 'a' }).getOrLoad(naming(1, 'x'))).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })
  })
}
