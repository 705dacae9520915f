import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type NextCacheHandler, nextCacheHandler } from '../../src/adapters/next.ts'
import { type AnyKeyv, keyvPromises } from '../adapters/keyv-promises.ts'
import { overBoth } from '../adapters/over-both.ts'
import { until } from '../live-server.ts'

const run = promisify(execFile)

/**
 * An application with the consumers that are no dependencies for development: Keyv 6, which says that it needs Node 22 and
 * runs on 20, and Next.js, which is large.
 */
let application: string
let load: (module: string) => unknown

beforeAll(async () => {
  application = await mkdtemp(join(tmpdir(), 'keyplan-consumers-'))
  const manifest = { name: 'application', private: true }
  await writeFile(join(application, 'package.json'), JSON.stringify(manifest))
  const quietly = ['--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--engine-strict=false']
  // Next.js compiles and renders nothing here.
  const small = ['--omit=optional', '--legacy-peer-deps']
  await run('npm', ['install', ...quietly, ...small, 'keyv@6.1.0', 'next@16.4.6'], { cwd: application })
  load = createRequire(join(application, 'package.json'))
})
afterAll(() => rm(application, { recursive: true, force: true }))

interface KeyvSix extends AnyKeyv {
  iterator(): AsyncIterable<[string, unknown]>
}

function openKeyv(options: object): KeyvSix {
  const { Keyv } = load('keyv') as { Keyv: new (options: object) => KeyvSix }
  return new Keyv(options)
}

keyvPromises('6', openKeyv, keyv => (keyv as KeyvSix).iterator())

interface IncrementalCache {
  get(key: string, context: object): Promise<{ value: unknown; isStale?: boolean | -1 } | null>
  set(key: string, value: object | null, context: object): Promise<void>
  revalidateTag(tags: string | string[], durations?: { expire?: number }): Promise<void>
}

describe('the incremental cache of Next.js', () => {
  overBoth(consumer => {
    /** As for another request: Next makes a handler for each. */
    function opened(): IncrementalCache {
      const { IncrementalCache } = load('next/dist/server/lib/incremental-cache') as {
        IncrementalCache: new (options: object) => IncrementalCache
      }
      const CurCacheHandler: new (context?: unknown) => NextCacheHandler = nextCacheHandler(consumer.redis.bytes)
      return new IncrementalCache({
        dev: false,
        requestHeaders: {},
        previewProps: { previewModeId: 'preview' },
        prerenderManifest: { routes: {}, dynamicRoutes: {}, notFoundRoutes: [] },
        CurCacheHandler,
      })
    }
    const fetchContext = { kind: 'FETCH', fetchUrl: 'https://api.test/', tags: ['posts'], softTags: ['_N_T_/blog'] }
    const fetched = {
      kind: 'FETCH',
      data: { headers: {}, body: 'text', url: 'https://api.test/', status: 200 },
      revalidate: 600,
    }
    const route = { kind: 'APP_PAGE', sourceRoute: '/blog/page' }
    const pageContext = { kind: 'APP_PAGE', isFallback: false, route }
    const page = {
      kind: 'APP_PAGE',
      html: '<p>ü</p>',
      rscData: Buffer.from([0, 255]),
      status: 200,
      headers: { 'x-next-cache-tags': 'posts,_N_T_/blog' },
      segmentData: new Map([['/_tree', Buffer.from('tree')]]),
    }

    async function laterMoment(): Promise<void> {
      const now = Date.now()
      await until(() => Date.now() > now)
    }

    test('fetches and pages are kept, and outdated by their tags', async () => {
      await opened().set('f'.repeat(64), fetched, { fetchCache: true, tags: ['posts'] })
      await opened().set('/blog', page, { route, cacheControl: { revalidate: 600, expire: 3_600 } })
      await laterMoment()
      expect(await opened().get('f'.repeat(64), fetchContext)).toMatchObject({ isStale: false, value: fetched })
      const entry = (await opened().get('/blog', pageContext))!
      expect(entry).toMatchObject({ value: page, isStale: undefined, cacheControl: { revalidate: 600, expire: 3_600 } })
      await opened().revalidateTag('posts')
      expect(await opened().get('f'.repeat(64), fetchContext)).toBeNull()
      expect(await opened().get('/blog', pageContext)).toBeNull()
    })

    test('a path that is revalidated outdates the fetches made for it', async () => {
      await opened().set('a', fetched, { fetchCache: true, tags: [] })
      await laterMoment()
      await opened().revalidateTag('_N_T_/blog')
      expect(await opened().get('a', { ...fetchContext, tags: [] })).toBeNull()
      expect(await opened().get('a', { ...fetchContext, tags: [], softTags: [] })).not.toBeNull()
    })

    test('revalidated with a duration they are served once more, as stale', async () => {
      await opened().set('a', fetched, { fetchCache: true, tags: ['posts'] })
      await opened().set('/blog', page, { route, cacheControl: { revalidate: 600, expire: 3_600 } })
      await laterMoment()
      await opened().revalidateTag('posts', { expire: 3_600 })
      expect(await opened().get('a', fetchContext)).toMatchObject({ isStale: true, value: fetched })
      expect(await opened().get('/blog', pageContext)).toMatchObject({ isStale: true, value: page })
    })
  })
})
