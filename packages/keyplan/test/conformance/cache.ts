import { AsyncLocalStorage } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bytes } from '../../src/base/codec/bytes.ts'
import { compressed } from '../../src/base/codec/compressed.ts'
import { json } from '../../src/base/codec/json.ts'
import { text } from '../../src/base/codec/text.ts'
import type { CacheNamespace } from '../../src/kinds/cache/contract.ts'
import type { CacheOptions } from '../../src/kinds/cache/options.ts'
import { cacheBatches } from './cache-batches.ts'
import { cacheFreshness } from './cache-freshness.ts'
import { raceLoadsAndInvalidations } from './cache-interleavings.ts'
import { cacheListing } from './cache-listing.ts'
import { cacheLoaderTags } from './cache-loader-tags.ts'
import { deferred } from './deferred.ts'

export type Cache = CacheNamespace<{ id: string | number }, unknown, unknown>
export type Options = CacheOptions<'value:<id>', unknown, unknown>

/** Clients of one namespace `value:<id>` over one store, as processes would be. */
export interface CacheHarness {
  client(options?: Partial<Options>): Promise<Cache>
  /** Stores the value under the key with no help of Keyplan. */
  plant(id: string, stored: string): Promise<void>
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export const declared: Options = { ttl: '1h', value: json<unknown>() }
export const tagged: Partial<Options> = { tags: ({ id }) => [`first:${String(id)[0]}`, 'all'] }

/** What every cache promises, wherever its store is. */
export function cacheConformance(store: string, open: () => Promise<CacheHarness>): void {
  describe(`cache over ${store}`, () => {
    let harness: CacheHarness
    let cache: Cache
    let other: Cache
    beforeEach(async () => {
      harness = await open()
      cache = await harness.client()
      other = await harness.client()
    })
    afterEach(() => harness.close())

    const never = () => {
      throw new Error('the loader was called')
    }

    cacheBatches(() => ({ harness, cache, other }))
    cacheFreshness(() => harness)
    cacheLoaderTags(() => harness)
    cacheListing(() => ({ harness, cache, other }))

    describe('values', () => {
      test.each(['\x01n\n', '\x01f1\nx', '\x01t1\n', '\x01\n\x01n\n', '\x01\nx', '\x01v1\nx', '\x01\n', '\x01'])(
        '%j is one like any other',
        async value => {
          const texts = await harness.client({ value: text() })
          const blobs = await harness.client({ value: bytes() })
          const packed = await harness.client({ value: compressed(text()) })
          for (const [into, given] of [[texts, value] as const, [blobs, Buffer.from(value)] as const]) {
            await into({ id: 'a' }).set(given)
            expect(Buffer.from((await into({ id: 'a' }).get()) as string)).toEqual(Buffer.from(value))
            await into({ id: 'a' }).delete()
            expect(Buffer.from((await into({ id: 'a' }).getOrLoad(() => given)) as string)).toEqual(Buffer.from(value))
            expect(Buffer.from((await into({ id: 'a' }).getOrLoad(never)) as string)).toEqual(Buffer.from(value))
          }
          await packed({ id: 'a' }).set(value)
          expect(await packed({ id: 'a' }).get()).toBe(value)
        },
      )

      test('what is set is read by every client, until it is deleted', async () => {
        expect(await cache({ id: 'a' }).get()).toBeUndefined()
        expect(await cache({ id: 'a' }).has()).toBe(false)
        await cache({ id: 'a' }).set({ name: 'Ann', tags: [] })
        expect(await other({ id: 'a' }).get()).toEqual({ name: 'Ann', tags: [] })
        expect(await other({ id: 'a' }).has()).toBe(true)
        expect(await other({ id: 'b' }).get()).toBeUndefined()
        await other({ id: 'a' }).delete()
        expect(await cache({ id: 'a' }).get()).toBeUndefined()
        expect(await cache({ id: 'a' }).has()).toBe(false)
      })

      test('null is a value; undefined from a loader is none', async () => {
        await cache({ id: 'a' }).set(null)
        expect(await cache({ id: 'a' }).get()).toBeNull()
        expect(await cache({ id: 'a' }).getOrLoad(never)).toBeNull()
        expect(await cache({ id: 'b' }).getOrLoad(() => null)).toBeNull()
        expect(await cache({ id: 'b' }).getOrLoad(never)).toBeNull()
        expect(await cache({ id: 'c' }).getOrLoad(() => undefined)).toBeUndefined()
        expect(await cache({ id: 'c' }).has()).toBe(false)
        expect(await cache({ id: 'c' }).getOrLoad(() => 1)).toBe(1)
      })

      test('a write with a smaller fence than one before it is refused, in any client', async () => {
        const fenced = await harness.client(tagged)
        for (const [one, two] of [
          [cache, other],
          [fenced, fenced],
        ] as const) {
          const id = one === cache ? 'f' : 'g'
          expect(await one({ id }).set('first', { fence: 10n })).toBe('done')
          expect(await two({ id }).set('newer', { fence: 12n, ttl: '1h' })).toBe('done')
          expect(await one({ id }).set('late', { fence: 11n })).toBe('outdated')
          expect(await one({ id }).get()).toBe('newer')
          expect(await two({ id }).set('again', { fence: 12n })).toBe('done')
          await two({ id }).delete()
          expect(await one({ id }).set('late', { fence: 11n })).toBe('outdated')
          expect(await two({ id }).get()).toBeUndefined()
          expect(await one({ id }).set('anybody')).toBe('done')
          expect(await two({ id }).get()).toBe('anybody')
        }
        await fenced.invalidateTag('all')
        expect(await fenced({ id: 'g' }).get()).toBeUndefined()
        for (const fence of [5 as never, -1n, 2n ** 60n]) {
          await expect(cache({ id: 'f' }).set(1, { fence })).rejects.toMatchObject({ code: 'PARAM_INVALID' })
        }
      })

      test('a value ends with its time to live, the namespace’s or its own', async () => {
        const brief = await harness.client({ ttl: '300ms' })
        await brief({ id: 'a' }).set(1)
        await brief({ id: 'b' }).set(2, { ttl: '1h' })
        await brief({ id: 'c' }).getOrLoad(() => 3)
        expect(await brief.getMany([{ id: 'a' }, { id: 'b' }, { id: 'c' }])).toEqual([1, 2, 3])
        await harness.advance(320)
        expect(await brief.getMany([{ id: 'a' }, { id: 'b' }, { id: 'c' }])).toEqual([undefined, 2, undefined])
      })

      test('a value that cannot be stored is refused, and what was there stays', async () => {
        await cache({ id: 'a' }).set(1)
        await expect(cache({ id: 'a' }).set(new Map())).rejects.toMatchObject({ code: 'VALUE_INVALID' })
        await expect(cache({ id: 'a' }).set(2, { ttl: '-1s' as '1s' })).rejects.toThrow('ttl')
        expect(await other({ id: 'a' }).get()).toBe(1)
      })

      test('calls of one tick take effect in the order they were made', async () => {
        const entry = cache({ id: 'a' })
        const before = entry.get()
        const set = entry.set(1)
        const between = entry.get()
        const many = cache.getMany([{ id: 'a' }])
        const removed = entry.delete()
        const after = entry.get()
        expect(await Promise.all([before, set, between, many, removed, after])).toEqual([
          undefined,
          'done',
          1,
          [1],
          'done',
          undefined,
        ])
      })
    })

    describe('loading', () => {
      test('500 concurrent misses share one loader, and each gets a copy of its own', async () => {
        let calls = 0
        const load = deferred<{ list: number[] }>()
        const callers = Array.from({ length: 500 }, (_, index) =>
          cache({ id: 'a' }).getOrLoad(
            () => {
              calls++
              return load.promise
            },
            // Those with terms of their own are not gathered with the others, and share all the same.
            index % 5 === 0 ? { deadline: '10s' } : undefined,
          ),
        )
        await load.asked()
        // Replies come in order: after these, every caller has had its own.
        await cache({ id: 'b' }).get()
        await cache({ id: 'b' }).get()
        load.resolve({ list: [1] })
        const values = (await Promise.all(callers)) as { list: number[] }[]
        expect(calls).toBe(1)
        values[0]?.list.push(2)
        expect(values[1]).toEqual({ list: [1] })
        expect(new Set(values).size).toBe(500)
        expect(await cache({ id: 'a' }).get()).toEqual({ list: [1] })
      })

      test('a miss joins a load that is under way though other keys are deleted meanwhile', async () => {
        let calls = 0
        const load = deferred<number>()
        const loader = () => {
          calls++
          return load.promise
        }
        const first = cache({ id: 'a' }).getOrLoad(loader)
        await load.asked()
        const joined: Promise<unknown>[] = []
        for (let round = 0; round < 5; round++) {
          await other({ id: `other-${round}` }).delete()
          joined.push(cache({ id: 'a' }).getOrLoad(loader))
          // The miss asks twice, for the value and for what a load is based on: behind this it has both answers.
          await cache({ id: 'a' }).get()
          await cache({ id: 'a' }).get()
        }
        load.resolve(1)
        expect(await Promise.all([first, ...joined])).toEqual([1, 1, 1, 1, 1, 1])
        expect(calls).toBe(1)
        expect(await other({ id: 'a' }).get()).toBe(1)
      })

      test('each loader runs in the async context of its caller', async () => {
        const cache = await harness.client()
        const tenant = new AsyncLocalStorage<string>()
        const load = (id: string) => tenant.run(id, () => cache({ id }).getOrLoad(async () => tenant.getStore()))
        expect(await Promise.all(['a', 'b', 'c'].map(load))).toEqual(['a', 'b', 'c'])
        await cache({ id: 'b' }).delete()
        expect(await Promise.all(['a', 'b', 'c'].map(load))).toEqual(['a', 'b', 'c'])
      })

      test('a loaded value has the shape of a cached one', async () => {
        const value = { at: new Date(0), gone: undefined, list: [undefined] }
        const loaded = await cache({ id: 'a' }).getOrLoad(() => value)
        expect(loaded).toStrictEqual({ at: '1970-01-01T00:00:00.000Z', list: [null] })
        expect(await cache({ id: 'a' }).getOrLoad(never)).toStrictEqual(loaded)
      })

      test('a failed load rejects all who share it, and is not stored', async () => {
        const load = deferred<number>()
        const callers = [1, 2, 3].map(() => cache({ id: 'a' }).getOrLoad(() => load.promise))
        const settled = Promise.allSettled(callers)
        await load.asked()
        const failure = new Error('the database is gone')
        load.reject(failure)
        for (const result of await settled) expect(result).toEqual({ status: 'rejected', reason: failure })
        await expect(cache({ id: 'a' }).getOrLoad(() => new Map())).rejects.toMatchObject({ code: 'VALUE_INVALID' })
        expect(await cache({ id: 'a' }).has()).toBe(false)
        expect(await cache({ id: 'a' }).getOrLoad(() => 2)).toBe(2)
      })

      test('a codec that does not read what it wrote is told as such', async () => {
        const unreadable = await harness.client({ value: { ...json<unknown>(), encode: () => '{' } })
        const loading = unreadable({ id: 'a' }).getOrLoad(() => 1)
        await expect(loading).rejects.toMatchObject({ code: 'DECODE_FAILED', cause: expect.any(SyntaxError) })
      })

      test('the signal or the deadline of one caller lets only that caller go', async () => {
        const load = deferred<number>()
        const loader = () => load.promise
        const leaving = new AbortController()
        const left = cache({ id: 'a' }).getOrLoad(loader, { signal: leaving.signal })
        const late = cache({ id: 'a' }).getOrLoad(loader, { deadline: '40ms' })
        const patient = cache({ id: 'a' }).getOrLoad(loader)
        const outcomes = Promise.allSettled([left, late])
        await load.asked()
        leaving.abort()
        await harness.advance(60)
        expect(await outcomes).toMatchObject([{ reason: { code: 'ABORTED' } }, { reason: { code: 'TIMEOUT' } }])
        load.resolve(1)
        expect(await patient).toBe(1)
        expect(await other({ id: 'a' }).get()).toBe(1)
      })
    })

    describe('a load that was overtaken', () => {
      type Overtake = readonly [string, Partial<Options>, (by: Cache) => Promise<unknown>, unknown]
      const overtakes: Overtake[] = [
        ['delete', {}, by => by({ id: 'a' }).delete(), undefined],
        ['clear', {}, by => by.clear(), undefined],
        ['set', {}, by => by({ id: 'a' }).set('newer'), 'newer'],
        ['delete of a tagged key', tagged, by => by({ id: 'a' }).delete(), undefined],
        ['invalidateTag', tagged, by => by.invalidateTag('all'), undefined],
        ['set of a tagged key', tagged, by => by({ id: 'a' }).set('newer'), 'newer'],
        ['clear of a tagged namespace', tagged, by => by.clear(), undefined],
      ]
      for (const [name, options, overtake, left] of overtakes) {
        for (const whose of ['the same', 'another'] as const) {
          test(`by ${name} of ${whose} client is answered and not stored`, async () => {
            const loading = await harness.client(options)
            const overtaking = whose === 'the same' ? loading : await harness.client(options)
            const load = deferred<string>()
            const caller = loading({ id: 'a' }).getOrLoad(() => load.promise)
            await load.asked()
            await overtake(overtaking)
            const laterLoad = deferred<string>()
            const askers = left === undefined ? [...new Set([loading, overtaking])] : []
            const later = askers.map(asker => asker({ id: 'a' }).getOrLoad(() => laterLoad.promise))
            if (left === undefined) await laterLoad.asked()
            for (const asker of askers) await asker({ id: 'a' }).get()
            load.resolve('older')
            expect(await caller).toBe('older')
            expect(await overtaking({ id: 'a' }).get()).toBe(left)
            expect(await loading({ id: 'a' }).get()).toBe(left)
            laterLoad.resolve('latest')
            for (const value of await Promise.all(later)) expect(value).toBe('latest')
            expect(await loading({ id: 'a' }).get()).toBe(left ?? 'latest')
          })
        }
      }

      test('does not take the place of a value it did not see, nor of one whose tags had moved on', async () => {
        const loading = await harness.client(tagged)
        const setting = await harness.client(tagged)
        await setting({ id: 'a' }).set('first')
        await setting.invalidateTag('all')
        const load = deferred<string>()
        const caller = loading({ id: 'a' }).getOrLoad(() => load.promise)
        await load.asked()
        await setting({ id: 'a' }).set('newer')
        load.resolve('older')
        expect(await caller).toBe('older')
        expect(await loading({ id: 'a' }).get()).toBe('newer')
      })

      test('does not take the place of a value that was set over one that does not decode', async () => {
        for (const [id, garbage] of Object.entries({ a: '{"half', b: '"\ufffd' })) {
          await harness.plant(id, garbage)
          const load = deferred<string>()
          const caller = cache({ id }).getOrLoad(() => load.promise)
          await load.asked()
          await other({ id }).set('newer')
          load.resolve('older')
          await caller
          expect(await cache({ id }).get()).toBe('newer')
        }
      })

      test('is not stored once its delete may be forgotten', async () => {
        const hasty = await harness.client({ loadWindow: '50ms' })
        const load = deferred<string>()
        const caller = hasty({ id: 'a' }).getOrLoad(() => load.promise)
        await load.asked()
        await other({ id: 'a' }).delete()
        await harness.advance(100)
        await hasty({ id: 'b' }).delete()
        load.resolve('older')
        expect(await caller).toBe('older')
        expect(await hasty({ id: 'a' }).get()).toBeUndefined()
      })

      test('is stored when only other keys and tags were invalidated', async () => {
        const loading = await harness.client(tagged)
        const load = deferred<string>()
        const caller = loading({ id: 'a' }).getOrLoad(() => load.promise)
        await load.asked()
        await other({ id: 'b' }).delete()
        await loading({ id: 'c' }).delete()
        await loading.invalidateTag('first:b')
        load.resolve('loaded')
        expect(await caller).toBe('loaded')
        expect(await loading({ id: 'a' }).get()).toBe('loaded')
      })
    })

    for (const [form, options] of Object.entries({ plain: {}, tagged })) {
      test(`no ${form} read is older than the last invalidation or write, however loads interleave`, async () => {
        const open = async () => [await harness.client(options), await harness.client(options)] as const
        const tagOf = (id: string) => (options === tagged ? `first:${id[0]}` : undefined)
        await raceLoadsAndInvalidations(open, tagOf, 150)
      })
    }

    describe('tags', () => {
      test('invalidateTag outdates exactly the values that carry it', async () => {
        const library = await harness.client(tagged)
        await library({ id: 'a1' }).set(1)
        await library({ id: 'a2' }).getOrLoad(() => 2)
        await library({ id: 'b1' }).set(3)
        const ids = ['a1', 'a2', 'b1'].map(id => ({ id }))
        await library.invalidateTag('nobody’s')
        expect(await library.getMany(ids)).toEqual([1, 2, 3])
        await library.invalidateTag('first:a')
        expect(await library.getMany(ids)).toEqual([undefined, undefined, 3])
        expect(await library({ id: 'a1' }).has()).toBe(false)
        expect(await library({ id: 'a1' }).getOrLoad(() => 'new')).toBe('new')
        await library({ id: 'a2' }).set('new')
        expect(await library.getMany(ids)).toEqual(['new', 'new', 3])
        await library.invalidateTag('all')
        expect(await library.getMany(ids)).toEqual([undefined, undefined, undefined])
      })

      test('a key may have no tags, and repeat one', async () => {
        const library = await harness.client({ tags: ({ id }) => (id === 'none' ? [] : ['twice', 'twice']) })
        await library({ id: 'none' }).set(1)
        await library({ id: 'a' }).set(2)
        await library({ id: 'b' }).getOrLoad(() => 3)
        await library.invalidateTag('all')
        const ids = ['none', 'a', 'b'].map(id => ({ id }))
        expect(await library.getMany(ids)).toEqual([1, 2, 3])
        await library.invalidateTag('twice')
        expect(await library.getMany(ids)).toEqual([1, undefined, undefined])
      })

      test('tags that are no list of strings, or too many for the header, are refused by name', async () => {
        const wrong = [
          [() => 'all', 'tags gave a string'],
          [() => [1], 'a tag is a number'],
          [() => Array(101).fill('t'), '101 tags'],
        ] as const
        for (const [tags, message] of wrong) {
          const library = await harness.client({ tags: tags as unknown as NonNullable<Options['tags']> })
          expect(() => library({ id: 'a' })).toThrow(message)
        }
        const wide = await harness.client({ tags: () => Array.from({ length: 100 }, (_, index) => `tag-${index}`) })
        expect(await wide({ id: 'a' }).getOrLoad(() => 1)).toBe(1)
        expect(await wide({ id: 'a' }).getOrLoad(never)).toBe(1)
      })
    })

    test('clear tells how far it is', async () => {
      for (let id = 0; id < 30; id++) await cache({ id }).set(id)
      const told: number[] = []
      expect(await other.clear({ onProgress: removed => void told.push(removed) })).toBe('done')
      expect(told.at(-1)).toBe(30)
      expect(told).toEqual([...told].sort((a, b) => a - b))
      await expect(cache.clear({ onProgress: 5 as never })).rejects.toMatchObject({ code: 'PARAM_INVALID' })
    })

    test('clear removes every value of the namespace', async () => {
      const ids = Array.from({ length: 1_200 }, (_, index) => ({ id: `n${index}` }))
      await Promise.all(ids.map((params, index) => cache(params).set(index)))
      expect(await other.clear()).toBe('done')
      expect(new Set(await cache.getMany(ids))).toEqual(new Set([undefined]))
      expect(await other.clear()).toBe('done')
    })

    test('what no verb can take is refused by name, and does nothing', async () => {
      await cache({ id: 'a' }).set(1)
      const library = await harness.client(tagged)
      const nonsense: [work: () => unknown, message: string][] = [
        [() => cache(undefined as never), "the params of 'value:<id>' are undefined; give { id }"],
        [() => cache(null as never), "the params of 'value:<id>' are null"],
        [() => cache('a' as never), "the params of 'value:<id>' are a string"],
        [() => cache({ name: 'a' } as never), "parameter 'id' of 'value:<id>' is undefined"],
        [() => library(undefined as never), "the params of 'value:<id>' are undefined"],
        [() => cache({ id: 'a' }).getOrLoad(undefined as never), "getOrLoad() of 'value:<id>' was given undefined"],
        [() => cache({ id: 'a' }).getOrLoad('loader' as never), 'was given a string; give it a function'],
        [() => cache({ id: 'a' }).getOrLoad(never, 5 as never), 'the options are a number; write an object'],
        [() => cache({ id: 'a' }).get('1s' as never), 'the options are a string'],
        [() => cache({ id: 'a' }).get(null as never), 'the options are null'],
        [() => cache({ id: 'a' }).has([] as never), 'the options are an array'],
        [() => cache({ id: 'a' }).get({ deadline: 5 as never }), 'deadline is 5; write a length of time'],
        [
          () => cache({ id: 'a' }).get({ signal: new AbortController() as never }),
          'signal is an object; give the signal',
        ],
        [() => cache({ id: 'a' }).set(undefined), 'the value is undefined, which JSON cannot hold'],
        [() => cache({ id: 'a' }).set(2, 60 as never), 'the options are a number'],
        [() => cache({ id: 'a' }).set(2, { ttl: '10 mins' as never }), "ttl is '10 mins'; write a length of time"],
        [() => cache({ id: 'a' }).delete(true as never), 'the options are a boolean'],
        [() => cache.getMany({ id: 'a' } as never), "getMany() of 'value:<id>' was given an object; give it an array"],
        [() => cache.getMany(undefined as never), 'was given undefined; give it an array'],
        [() => cache.getMany([undefined] as never), "the params of 'value:<id>' are undefined"],
        [() => cache.getMany([{ id: 'a' }], 'now' as never), 'the options are a string'],
        [() => cache.getOrLoadMany({ id: 'a' } as never, never), 'give it an array of params'],
        [() => cache.getOrLoadMany([{ id: 'a' }], 5 as never), 'was given a number'],
        [
          () => cache.getOrLoadMany([{ id: 'b' }], () => 'x' as never),
          'gave a string; give one value for each of the params',
        ],
        [() => cache.setMany({ a: 1 } as never), 'give it an array of { params, value, ttl }'],
        [() => cache.setMany([{ params: { id: 'a' }, value: 1 }, null as never]), 'setMany()'],
        [() => cache.setMany([{ params: { id: 'a' }, value: 1 }, { params: {}, value: 1 } as never]), 'id'],
        [() => cache.clear('all' as never), 'the options are a string'],
        [() => cache.invalidateTag('all'), "'value:<id>' declares no tags"],
        [() => library.invalidateTag(undefined as never), "invalidateTag() of 'value:<id>' was given undefined"],
        [() => library.invalidateTag(['all'] as never), 'was given an array; give it one tag, a string'],
        [() => library.invalidateTag('all', 1 as never), 'the options are a number'],
      ]
      for (const [work, message] of nonsense) {
        const said = (async () => work())()
        await expect(said).rejects.toMatchObject({
          name: 'KeyplanError',
          code: expect.stringMatching(/^(PARAM|VALUE)_INVALID$/),
          message: expect.stringContaining(message),
        })
      }
      expect(await cache({ id: 'a' }).get()).toBe(1)
    })
  })
}
