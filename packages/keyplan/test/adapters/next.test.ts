import { describe, expect, test } from 'vitest'
import { type NextUseCacheEntry, nextCacheHandler, nextUseCacheHandler } from '../../src/adapters/next.ts'
import { until } from '../live-server.ts'
import { overBoth } from './over-both.ts'

const page = {
  kind: 'APP_PAGE',
  html: '<p>ü</p>\n',
  rscData: Buffer.from([0, 10, 255]),
  status: undefined,
  postponed: undefined,
  headers: { 'x-next-cache-tags': '_N_T_/layout,_N_T_/blog,posts' },
  segmentData: new Map([
    ['/_tree', Buffer.from('tree')],
    ['/blog', Buffer.from([])],
  ]),
}
const fetched = (body: string) => ({
  kind: 'FETCH',
  data: { headers: { a: 'b' }, body, url: 'https://api.test/', status: 200 },
  revalidate: 60,
})
const asPage = { kind: 'APP_PAGE', isFallback: false }

/** Time is compared by milliseconds, and what happened in the same one counts as older. */
async function laterMoment(): Promise<void> {
  const now = Date.now()
  await until(() => Date.now() > now)
}

overBoth(consumer => {
  /** As for another request, or in another process. */
  const opened = () => new (nextCacheHandler(consumer.redis.bytes))({ dev: false, revalidatedTags: [] })

  async function put(key: string, value: object | null, context: Parameters<ReturnType<typeof opened>['set']>[2] = {}) {
    await opened().set(key, value, context)
    await laterMoment()
  }

  /** As in a process whose first read of the key has been answered when something else happens, or is not answered in time. */
  function meddled(key: string, meanwhile?: () => Promise<void>) {
    const { bytes } = consumer.redis
    let first = true
    const at = (params: { key: string }) => {
      const entry = bytes(params)
      if (!first || params.key !== key) return entry
      first = false
      return {
        ...entry,
        async get() {
          const found = await entry.get()
          await meanwhile?.()
          return meanwhile && found
        },
      }
    }
    return Object.assign(at, bytes) as typeof bytes
  }

  describe('the cacheHandler of Next.js', () => {
    test('gives each kind of value back as it was', async () => {
      const before = Date.now()
      const values = {
        page,
        route: { kind: 'APP_ROUTE', body: Buffer.from('{}'), status: 200, headers: { 'content-type': 'a/b' } },
        pages: { kind: 'PAGES', html: '<p>', pageData: { props: { n: [1, null] } }, headers: {}, status: 200 },
        redirect: { kind: 'REDIRECT', props: { pageProps: {} } },
        image: { kind: 'IMAGE', etag: 'e', upstreamEtag: 'u', buffer: Buffer.alloc(100_000, 7), extension: 'png' },
        fetch: fetched('text'),
      }
      for (const [key, value] of Object.entries(values)) {
        await put(key, value, { cacheControl: { revalidate: 10, expire: 100 } })
        const entry = (await opened().get(key, asPage))!
        expect(entry.value).toEqual(value)
        expect(entry.cacheControl).toEqual({ revalidate: 10, expire: 100 })
        expect(entry.lastModified).toBeGreaterThanOrEqual(before)
        expect(entry.lastModified).toBeLessThanOrEqual(Date.now())
      }
      const again = (await opened().get('page', asPage))!.value as typeof page
      expect([Buffer.isBuffer(again.rscData), again.segmentData instanceof Map]).toEqual([true, true])
      await put('gone', null)
      expect(await opened().get('gone', asPage)).toMatchObject({ value: null })
      expect(await opened().get('none', asPage)).toBeNull()
      opened().resetRequestCache()
    })

    test('a revalidated tag outdates what carries it, pages and fetches, and what is asked for with it', async () => {
      await put('page', page)
      await put('other', { ...page, headers: { 'x-next-cache-tags': 'authors' } })
      await put('fetch', fetched('1'), { tags: ['posts'] })
      await put('plain', fetched('2'), { tags: [] })
      await opened().revalidateTag('posts')
      expect(await opened().get('page', asPage)).toBeNull()
      expect(await opened().get('other', asPage)).not.toBeNull()
      expect(await opened().get('fetch', { kind: 'FETCH', tags: ['posts'] })).toBeNull()
      expect(await opened().get('plain', { kind: 'FETCH', tags: [] })).not.toBeNull()
      await opened().revalidateTag(['_N_T_/blog', 'authors'])
      expect(await opened().get('other', asPage)).toBeNull()
      expect(await opened().get('plain', { kind: 'FETCH', softTags: ['_N_T_/blog'] })).toBeNull()
      expect(await opened().get('plain', { kind: 'FETCH', softTags: ['_N_T_/about'] })).not.toBeNull()
      await laterMoment()
      await put('page', page)
      expect(await opened().get('page', asPage)).not.toBeNull()
    })

    test('what was being made while a tag was revalidated is not stored', async () => {
      const rendering = opened()
      expect(await rendering.get('page', asPage)).toBeNull()
      await opened().revalidateTag('posts')
      await rendering.set('page', page, {})
      expect(await opened().get('page', asPage)).toBeNull()
      await laterMoment()
      await rendering.get('page', asPage)
      await rendering.set('page', page, {})
      expect(await opened().get('page', asPage)).not.toBeNull()
    })

    test('what was being made while a path was revalidated, or a tag with a duration, is as old as when it was begun', async () => {
      await put('first', page)
      const [rendering, fetching] = [opened(), opened()]
      await rendering.get('page', asPage)
      await fetching.get('fetch', { kind: 'FETCH' })
      await laterMoment()
      await opened().revalidateTag('posts', { expire: 3_600 })
      await opened().revalidateTag('_N_T_/about')
      await laterMoment()
      await rendering.set('page', page, { cacheControl: { revalidate: 100 } })
      await fetching.set('fetch', fetched('1'), { tags: [] })
      expect((await opened().get('page', asPage))!.lastModified).toBeLessThan(Date.now() - 100_000)
      expect(await opened().get('fetch', { kind: 'FETCH', softTags: ['_N_T_/about'] })).toBeNull()
    })

    test('pages that bring a new tag along at once are all there', async () => {
      const keys = ['a', 'b', 'c', 'd']
      await Promise.all(keys.map(key => opened().set(key, page, {})))
      for (const key of keys) expect(await opened().get(key, asPage)).not.toBeNull()
    })

    test('a tag that is revalidated while its first page is stored is so for all', async () => {
      await put('fetch', fetched('1'), { tags: [] })
      const storing = new (nextCacheHandler(meddled('tag:_N_T_/blog', () => opened().revalidateTag('_N_T_/blog'))))()
      await storing.get('page', asPage)
      await storing.set('page', page, {})
      await laterMoment()
      expect(await opened().get('page', asPage)).toBeNull()
      expect(await opened().get('fetch', { kind: 'FETCH', softTags: ['_N_T_/blog'] })).toBeNull()
    })

    test('who cannot read a tag stores nothing that carries it, and forgets no revalidation', async () => {
      await put('fetch', fetched('1'), { tags: [] })
      await opened().revalidateTag('_N_T_/blog')
      await laterMoment()
      const unread = () => meddled('tag:_N_T_/blog')
      await new (nextCacheHandler(unread()))().set('page', page, {})
      await laterMoment()
      expect(await opened().get('fetch', { kind: 'FETCH', softTags: ['_N_T_/blog'] })).toBeNull()
      await new (nextCacheHandler(unread()))().revalidateTag('_N_T_/blog', { expire: 3_600 })
      expect(await opened().get('fetch', { kind: 'FETCH', softTags: ['_N_T_/blog'] })).toBeNull()
    })

    test('what was revalidated at once is not brought back by a duration', async () => {
      await put('page', page)
      await put('fetch', fetched('1'), { tags: [] })
      const slow = new (nextCacheHandler(meddled('tag:posts', () => opened().revalidateTag('posts'))))()
      await slow.revalidateTag('posts', { expire: 3_600 })
      expect(await opened().get('page', asPage)).toBeNull()
      expect(await opened().get('fetch', { kind: 'FETCH', softTags: ['posts'] })).toBeNull()
    })

    test('with a duration it is stale until then: served, and known to be old', async () => {
      const cacheControl = { revalidate: 100, expire: 1_000 }
      await put('page', page, { cacheControl })
      await put('static', page, { cacheControl: { revalidate: false } })
      await put('fetch', fetched('1'), { tags: ['posts'] })
      await opened().revalidateTag('posts', { expire: 3_600 })
      const stale = (await opened().get('page', asPage))!
      expect(stale.lastModified).toBeLessThan(Date.now() - 100_000)
      expect(stale.lastModified).toBeGreaterThan(Date.now() - 1_000_000)
      expect(await opened().get('static', asPage)).toBeNull()
      expect((await opened().get('fetch', { kind: 'FETCH', tags: ['posts'] }))!.lastModified).toBe(1)
      await laterMoment()
      await put('page', page, { cacheControl })
      expect((await opened().get('page', asPage))!.lastModified).toBeGreaterThan(Date.now() - 100_000)
      await opened().revalidateTag('posts', { expire: 0 })
      expect(await opened().get('page', asPage)).toBeNull()
      await laterMoment()
      await put('page', page, { cacheControl })
      await opened().revalidateTag('posts', {})
      expect(await opened().get('page', asPage)).not.toBeNull()
    })

    test('a tag that was lost makes a miss, and what is no entry is one', async () => {
      await put('page', page)
      await consumer.redis.bytes({ key: 'tag:posts' }).delete()
      expect(await opened().get('page', asPage)).toBeNull()
      await consumer.redis.bytes({ key: 'entry:foreign' }).set(Buffer.from('{"kind":"FETCH"}'))
      expect(await opened().get('foreign', asPage)).toBeNull()
    })

    test('an entry lives for its expire, on the server too; without one as long as the namespace says', async () => {
      await put('own', page, { cacheControl: { revalidate: 1, expire: 90 } })
      await put('/default', page, { cacheControl: { revalidate: false } })
      await put(`/${'ü'.repeat(2_000)}`, page)
      expect(await opened().get(`/${'ü'.repeat(2_000)}`, asPage)).not.toBeNull()
      const { redis, server } = consumer
      if (!server) return
      const lasts = async (key: string) => Number(await server.ask('PTTL', redis.bytes.key({ key: `entry:${key}` })))
      expect(await lasts('own')).toBeLessThanOrEqual(90_000)
      expect(await lasts('own')).toBeGreaterThan(60_000)
      expect(await lasts('/default')).toBeGreaterThan(3_500_000)
    })
  })

  describe('a cacheHandlers entry of Next.js, for use cache', () => {
    const handler = () => nextUseCacheHandler(consumer.redis.bytes)
    const entry = (text: string | ReadableStream<Uint8Array>, rest: Partial<NextUseCacheEntry> = {}) => ({
      value: typeof text === 'string' ? new Blob([text]).stream() : text,
      tags: ['posts'],
      stale: 1,
      timestamp: Date.now(),
      expire: 100,
      revalidate: 50,
      ...rest,
    })
    const textOf = async (found: NextUseCacheEntry | undefined) => found && new Response(found.value).text()

    test('what is set is read, any number of times, until one of its tags is updated', async () => {
      await handler().set('a', Promise.resolve(entry('ü\n')))
      const shared = handler()
      for (let read = 0; read < 2; read++) {
        const found = await shared.get('a', [])
        expect(found).toMatchObject({ tags: ['posts'], stale: 1, expire: 100, revalidate: 50 })
        expect(await textOf(found)).toBe('ü\n')
      }
      expect(await shared.getExpiration(['posts'])).toBe(Number.POSITIVE_INFINITY)
      await shared.refreshTags()
      await laterMoment()
      await shared.updateTags(['posts'], { expire: 3_600 })
      expect(await handler().get('a', [])).toMatchObject({ revalidate: -1 })
      await shared.updateTags(['posts'])
      expect(await handler().get('a', [])).toBeUndefined()
    })

    test('soft tags count, and an entry that was begun before its tag was updated is not stored', async () => {
      await handler().set('a', Promise.resolve(entry('a')))
      await laterMoment()
      await handler().updateTags(['/blog'])
      expect(await handler().get('a', ['/about'])).toBeDefined()
      expect(await handler().get('a', ['/blog'])).toBeUndefined()
      const begun = entry('b')
      await laterMoment()
      await handler().updateTags(['posts'])
      await handler().set('b', Promise.resolve(begun))
      expect(await handler().get('b', [])).toBeUndefined()
    })

    test('whoever asks for an entry that is pending waits for it; one that breaks off is none', async () => {
      const shared = handler()
      const { promise, resolve, reject } = withResolvers<NextUseCacheEntry>()
      const setting = shared.set('a', promise)
      const asking = shared.get('a', [])
      resolve(entry('late'))
      expect(await textOf(await asking)).toBe('late')
      await setting
      const broken = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(Buffer.from('half'))
          controller.error(new Error('broken off'))
        },
      })
      await shared.set('b', Promise.resolve(entry(broken)))
      expect(await shared.get('b', [])).toBeUndefined()
      const failing = withResolvers<NextUseCacheEntry>()
      const failed = shared.set('c', failing.promise)
      const waiting = shared.get('c', [])
      failing.reject(new Error('mine'))
      reject(new Error('too late'))
      await expect(failed).rejects.toThrow('mine')
      expect(await waiting).toBeUndefined()
      await shared.set('d', Promise.resolve(entry('over', { timestamp: Date.now() - 200_000 })))
      expect(await shared.get('d', [])).toBeUndefined()
    })
  })
})

function withResolvers<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  return { promise, resolve, reject }
}
