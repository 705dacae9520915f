import { randomUUID } from 'node:crypto'
import { keyOf, openFrame, sealFrame } from '../frame.ts'
import type { Shelf } from '../shelf.ts'

/** The tags of an entry, with the version each had when it was stored. */
export type TagVersions = Readonly<Record<string, string>>

/** What Next says of a revalidation that is not to be felt at once. */
export interface Durations {
  /** In seconds from now: the entries are stale until then. */
  expire?: number
}

/** What is known of a tag; times in milliseconds since 1970. */
interface Marker {
  /** An entry that carries another one is outdated, and every one where there is none. */
  readonly version?: string | undefined
  /** Entries from before are outdated. */
  readonly revalidatedAt: number
  /** Those from before are stale … */
  readonly staleAt?: number | undefined
  /** … until then. */
  readonly expiresAt?: number | undefined
}

type Markers = ReadonlyMap<string, Marker | undefined>

export interface Tags {
  read(tags: readonly string[]): Promise<Markers>
  /**
   * The versions of tags, which begin to be kept where they were not.
   *
   * @param since when it began that what will carry them is made, in milliseconds since 1970; default: now
   * @returns undefined when one of them has been revalidated since, or Redis cannot be asked
   */
  versions(tags: readonly string[], since?: number): Promise<TagVersions | undefined>
  revalidate(tags: string | readonly string[], durations?: Durations): Promise<void>
}

/** Longer than Next keeps an entry, which is a year at most. */
const lifetime = '366d'

/**
 * Tags in the same cache as what carries them. A marker that is lost makes the entries that carry it misses.
 *
 * Two keys hold what is known of a tag. One says when it was last revalidated, and only that writes it: whoever could not
 * read it, or wants entries stale that are not, writes nothing over it. The other begins with the first entry that carries
 * the tag. Each revalidation changes both, so that none is forgotten with one of them.
 */
export function createTags(shelf: Shelf<Uint8Array>): Tags {
  const revalidated = (tag: string) => shelf.at(keyOf('revalidated', tag))
  const carried = (tag: string) => shelf.at(keyOf('tag', tag))
  const markerIn = async (stored: Promise<Uint8Array | undefined>) => openFrame<Marker>(await stored)?.head
  const sealed = (head: Marker) => sealFrame({ head, bodies: [] })

  const readOne = async (tag: string) =>
    merged(...(await Promise.all([markerIn(revalidated(tag).get()), markerIn(carried(tag).get())])))

  async function read(tags: readonly string[]): Promise<Markers> {
    return new Map(await Promise.all([...new Set(tags)].map(async tag => [tag, await readOne(tag)] as const)))
  }

  /** A load is not stored where something stands by then, as a write would be. */
  async function begin(tag: string): Promise<void> {
    await carried(tag).getOrLoad(load => {
      load.setTtl(lifetime)
      return sealed({ version: randomUUID(), revalidatedAt: 0 })
    })
  }

  async function end(tag: string, now: number): Promise<void> {
    const marker = sealed({ version: randomUUID(), revalidatedAt: now })
    await Promise.all([revalidated, carried].map(at => at(tag).set(marker, { ttl: lifetime })))
  }

  async function postpone(tag: string, now: number, expiresAt: number): Promise<void> {
    const present = await markerIn(carried(tag).get())
    // What was said of it before is not known, so nothing may be served that is older.
    if (!present) return end(tag, now)
    await carried(tag).set(sealed(postponed(present, now, expiresAt)), { ttl: lifetime })
  }

  return {
    read,
    async versions(tags, since = Date.now()) {
      const before = await read(tags)
      const unknown = [...before.keys()].filter(tag => before.get(tag)?.version === undefined)
      await Promise.all(unknown.map(begin))
      // What stands now may be another's.
      const markers = new Map([...before, ...(await read(unknown))])
      if (standingOf(markers, {}, since) === 'expired') return undefined
      const versions: Record<string, string> = {}
      for (const [tag, marker] of markers) {
        if (marker?.version === undefined) return undefined
        versions[tag] = marker.version
      }
      return versions
    },
    async revalidate(tags, durations) {
      const now = Date.now()
      const list = typeof tags === 'string' ? [tags] : tags
      const { expire } = durations ?? {}
      const expiresAt = expire === undefined ? Number.POSITIVE_INFINITY : now + expire * 1_000
      await Promise.all(list.map(tag => (durations ? postpone(tag, now, expiresAt) : end(tag, now))))
    },
  }
}

function merged(last: Marker | undefined, present: Marker | undefined): Marker | undefined {
  if (!present) return last && { ...last, version: undefined }
  if (!last) return present
  const revalidatedAt = Math.max(last.revalidatedAt, present.revalidatedAt)
  return { ...present, version: `${last.version} ${present.version}`, revalidatedAt }
}

function postponed(marker: Marker, now: number, expiresAt: number): Marker {
  const { version, revalidatedAt, staleAt = 0, expiresAt: earlier = Number.POSITIVE_INFINITY } = marker
  // What was stale until now has ended: it is not stale once more.
  const ended = earlier <= now
  const ends = ended ? expiresAt : Math.min(earlier, expiresAt)
  return {
    version,
    revalidatedAt: ended ? Math.max(revalidatedAt, staleAt) : revalidatedAt,
    staleAt: now,
    expiresAt: ends === Number.POSITIVE_INFINITY ? undefined : ends,
  }
}

/**
 * What tags make of an entry: by their time, and those it carries by their version as well, which tells one that was lost.
 *
 * @param since when the entry was made, in milliseconds since 1970
 */
export function standingOf(markers: Markers, carried: TagVersions, since: number): 'fresh' | 'stale' | 'expired' {
  const now = Date.now()
  let standing: 'fresh' | 'stale' = 'fresh'
  for (const [tag, marker] of markers) {
    const version = Object.hasOwn(carried, tag) ? carried[tag] : undefined
    if (version !== undefined && version !== marker?.version) return 'expired'
    if (!marker) continue
    if (marker.revalidatedAt >= since) return 'expired'
    if (marker.staleAt === undefined || marker.staleAt < since) continue
    if (marker.expiresAt !== undefined && marker.expiresAt <= now) return 'expired'
    standing = 'stale'
  }
  return standing
}
