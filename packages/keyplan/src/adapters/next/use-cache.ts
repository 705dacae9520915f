import { keyOf, openFrame, sealFrame } from '../frame.ts'
import { lasting, type OneParamCache, type Sole, shelfOf } from '../shelf.ts'
import { createTags, type Durations, standingOf, type TagVersions } from './tags.ts'

/** What `'use cache'` stores. Lengths of time in seconds, `timestamp` in milliseconds since 1970. */
export interface NextUseCacheEntry {
  value: ReadableStream<Uint8Array>
  tags: string[]
  stale: number
  timestamp: number
  expire: number
  revalidate: number
}

/** One of the `cacheHandlers` of a Next.js configuration. */
export interface NextUseCacheHandler {
  get(key: string, softTags: string[]): Promise<NextUseCacheEntry | undefined>
  set(key: string, pending: Promise<NextUseCacheEntry>): Promise<void>
  refreshTags(): Promise<void>
  getExpiration(tags: string[]): Promise<number>
  updateTags(tags: string[], durations?: Durations): Promise<void>
}

interface Head extends Omit<NextUseCacheEntry, 'value' | 'tags'> {
  readonly versions: TagVersions
}

/**
 * What a module of the `cacheHandlers` of a Next.js configuration is to export, over a cache of bytes:
 * `export default nextUseCacheHandler(redis.components)`. An entry lives for its `expire`.
 *
 * @throws KeyplanError PLAN_INVALID when the keys of the cache do not have one param
 */
export function nextUseCacheHandler<Name extends string>(
  namespace: OneParamCache<Name, Uint8Array> & Sole<Name>,
): NextUseCacheHandler {
  const shelf = shelfOf(namespace, { caller: 'nextUseCacheHandler', lists: false })
  const tags = createTags(shelf)
  const at = (key: string) => shelf.at(keyOf('entry', key))
  /** Entries that are being written by this process: whoever asks for one waits for it. */
  const underWay = new Map<string, Promise<void>>()

  async function put(key: string, pending: Promise<NextUseCacheEntry>): Promise<void> {
    const { value, tags: carried, ...times } = await pending
    // An entry that breaks off is none.
    const body = await new Response(value).arrayBuffer().catch(() => undefined)
    const versions = body && (await tags.versions(carried, times.timestamp))
    const life = times.timestamp + times.expire * 1_000 - Date.now()
    if (!versions || life <= 0) return
    const head: Head = { ...times, versions }
    await at(key).set(sealFrame({ head, bodies: [new Uint8Array(body)] }), lasting(life))
  }

  return {
    async get(key, softTags) {
      await underWay.get(key)
      const [stored, soft] = await Promise.all([at(key).get(), tags.read(softTags)])
      const entry = openFrame<Head>(stored)
      if (!entry) return undefined
      const { versions, ...times } = entry.head
      const others = await tags.read(Object.keys(versions).filter(tag => !soft.has(tag)))
      const standing = standingOf(new Map([...soft, ...others]), versions, times.timestamp)
      if (standing === 'expired') return undefined
      return {
        ...times,
        ...(standing === 'stale' && { revalidate: -1 }),
        tags: Object.keys(versions),
        value: new Blob([...entry.bodies]).stream(),
      }
    },

    async set(key, pending) {
      const work = put(key, pending)
      const settled = work.catch(() => {})
      underWay.set(key, settled)
      try {
        await work
      } finally {
        if (underWay.get(key) === settled) underWay.delete(key)
      }
    },

    async refreshTags() {},
    // Soft tags are to be given to `get`, which compares them.
    getExpiration: async () => Number.POSITIVE_INFINITY,
    updateTags: tags.revalidate,
  }
}
