import { randomUUID } from 'node:crypto'
import { keyOf, openFrame, sealFrame } from '../frame.ts'
import { lasting, type Shelf } from '../shelf.ts'

/** The tags of an entry, with the version each had when it was stored. */
export type TagVersions = Readonly<Record<string, string>>

/** What Next says of a revalidation that is not to be felt at once. */
export interface Durations {
  /** In seconds from now: the entries are stale until then. */
  expire?: number
}

/** What is known of a tag; times in milliseconds since 1970. */
interface Marker {
  /** An entry that carries another one is outdated. */
  readonly version: string
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
   * @param since when it began that what will carry them is made, in milliseconds since 1970
   * @returns undefined when one of them has been revalidated since
   */
  versions(tags: readonly string[], since?: number): Promise<TagVersions | undefined>
  revalidate(tags: string | readonly string[], durations?: Durations): Promise<void>
}

/** Longer than Next keeps an entry, which is a year at most. */
const lifetimeMs = 366 * 86_400_000

/** Tags in the same cache as what carries them. A marker that is lost makes the entries that carry it misses. */
export function createTags(shelf: Shelf<Uint8Array>): Tags {
  const at = (tag: string) => shelf.at(keyOf('tag', tag))
  const readOne = async (tag: string) => openFrame<Marker>(await at(tag).get())?.head
  const write = (tag: string, head: Marker) => at(tag).set(sealFrame({ head, bodies: [] }), lasting(lifetimeMs))

  async function read(tags: readonly string[]): Promise<Markers> {
    return new Map(await Promise.all([...new Set(tags)].map(async tag => [tag, await readOne(tag)] as const)))
  }

  return {
    read,
    async versions(tags, since) {
      const markers = await read(tags)
      if (since !== undefined && standingOf(markers, {}, since) === 'expired') return undefined
      const versions = [...markers].map(async ([tag, marker]) => {
        if (marker) return [tag, marker.version]
        const made = { version: randomUUID(), revalidatedAt: 0 }
        await write(tag, made)
        return [tag, made.version]
      })
      return Object.fromEntries(await Promise.all(versions))
    },
    async revalidate(tags, durations) {
      const now = Date.now()
      const list = typeof tags === 'string' ? [tags] : tags
      if (!durations) {
        await Promise.all(list.map(tag => write(tag, { version: randomUUID(), revalidatedAt: now })))
        return
      }
      const { expire } = durations
      const expiresAt = expire === undefined ? Number.POSITIVE_INFINITY : now + expire * 1_000
      const markers = await read(list)
      const unknown = { version: randomUUID(), revalidatedAt: 0 }
      await Promise.all([...markers].map(([tag, marker]) => write(tag, postponed(marker ?? unknown, now, expiresAt))))
    },
  }
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
