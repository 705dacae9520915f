import { LRUCache } from 'lru-cache'
import { keyOf, openFrame, sealFrame } from '../frame.ts'
import { lasting, type OneParamCache, type Sole, shelfOf } from '../shelf.ts'
import { createTags, type Durations, standingOf, type TagVersions } from './tags.ts'
import { type NextShape, type NextValue, putTogether, takeApart } from './value.ts'

/** In seconds. */
export interface NextCacheControl {
  revalidate: number | false
  expire?: number | undefined
}

/** What Next says when it reads. */
export interface NextGetContext {
  kind: string
  tags?: string[]
  softTags?: string[]
}

/** What Next says when it writes. */
export interface NextSetContext {
  tags?: string[]
  cacheControl?: NextCacheControl
}

export interface NextCacheEntry {
  /** In milliseconds since 1970. */
  lastModified: number
  /** `null` for a page that is not found. */
  value: NextValue | null
  cacheControl?: NextCacheControl
}

/** What Next makes one of for each request. */
export interface NextCacheHandler {
  get(key: string, context: NextGetContext): Promise<NextCacheEntry | null>
  set(key: string, value: NextValue | null, context: NextSetContext): Promise<void>
  revalidateTag(tags: string | string[], durations?: Durations): Promise<void>
  resetRequestCache(): void
}

interface Head {
  readonly lastModified: number
  /** When it was asked for: what was revalidated since then it may be older than. */
  readonly begunAt: number | undefined
  readonly tags: TagVersions
  readonly cacheControl: NextCacheControl | undefined
  readonly shape: NextShape | null
}

const tagsHeader = 'x-next-cache-tags'

/** One is made for each request: this is more than a request asks for. */
const mostAsked = 1_000

/**
 * The class that the `cacheHandler` of a Next.js configuration is to export, over a cache of bytes:
 * `export default nextCacheHandler(redis.pages)`. An entry lives for its `expire`, or as long as the namespace says.
 *
 * @throws KeyplanError PLAN_INVALID when the keys of the cache do not have one param
 */
export function nextCacheHandler<Name extends string>(
  namespace: OneParamCache<Name, Uint8Array> & Sole<Name>,
): new (
  context?: unknown,
) => NextCacheHandler {
  const shelf = shelfOf(namespace, { caller: 'nextCacheHandler', lists: false })
  const tags = createTags(shelf)
  const at = (key: string) => shelf.at(keyOf('entry', key))

  async function read(key: string, context: NextGetContext): Promise<NextCacheEntry | null> {
    const told = [...(context.tags ?? []), ...(context.softTags ?? [])]
    // These leave as one command; the tags that the entry alone knows of cost a second one.
    const [stored, markers] = await Promise.all([at(key).get(), tags.read(told)])
    const entry = openFrame<Head>(stored)
    if (!entry) return null
    const { lastModified, begunAt = lastModified, tags: carried, cacheControl, shape } = entry.head
    const others = await tags.read(Object.keys(carried).filter(tag => !markers.has(tag)))
    const standing = standingOf(new Map([...markers, ...others]), carried, begunAt)
    if (standing === 'expired') return null
    const lifetime = context.kind === 'FETCH' ? 0 : cacheControl?.revalidate
    const modified = standing === 'stale' ? olderThan(lastModified, lifetime) : lastModified
    if (modified === undefined) return null
    const value = shape && putTogether({ head: shape, bodies: entry.bodies })
    return { lastModified: modified, value, ...(cacheControl && { cacheControl }) }
  }

  async function write(key: string, value: NextValue | null, context: NextSetContext, since: number | undefined) {
    const { cacheControl } = context
    const versions = await tags.versions(tagsOf(value, context), since)
    if (!versions) return
    const { head: shape, bodies } = value ? takeApart(value) : { head: null, bodies: [] }
    const head: Head = { lastModified: Date.now(), begunAt: since, tags: versions, cacheControl, shape }
    const expire = cacheControl?.expire
    await at(key).set(sealFrame({ head, bodies }), lasting(expire === undefined ? undefined : expire * 1_000))
  }

  return class implements NextCacheHandler {
    /** Since when what was asked for is being made, by key. */
    readonly #making = new LRUCache<string, number>({ max: mostAsked })
    readonly revalidateTag = tags.revalidate

    async get(key: string, context: NextGetContext) {
      this.#making.set(key, Date.now())
      return read(key, context)
    }

    async set(key: string, value: NextValue | null, context: NextSetContext) {
      const since = this.#making.get(key)
      this.#making.delete(key)
      await write(key, value, context, since)
    }

    resetRequestCache() {}
  }
}

/**
 * Next knows only by its age that an entry is stale: one that is said to be older is served once more, and made anew in
 * the background. Undefined for a page that never ages: it is made anew at once.
 */
function olderThan(lastModified: number, revalidate: number | false | undefined): number | undefined {
  if (revalidate === 0) return 1
  if (!revalidate) return undefined
  return Math.min(lastModified, Date.now() - revalidate * 1_000 - 1)
}

/** A fetch brings its tags along; a page has them in a header. */
function tagsOf(value: object | null, context: NextSetContext): string[] {
  if (context.tags) return context.tags
  if (!value) return []
  if ('tags' in value && Array.isArray(value.tags)) return value.tags
  const headers = 'headers' in value && typeof value.headers === 'object' ? value.headers : undefined
  const listed = headers && tagsHeader in headers ? headers[tagsHeader] : undefined
  return typeof listed === 'string' ? listed.split(',').filter(tag => tag !== '') : []
}
