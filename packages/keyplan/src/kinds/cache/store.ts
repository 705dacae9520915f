import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import type { Operations } from '../../guard/operation.ts'

/** A counter that only grows, in decimal: `max(previous + 1, server time in microseconds)`; of a lease, whose it is. */
export type Version = string

/** What one atomic read saw. */
export interface Reading {
  /** The stored form of each key, in order; null where there is no string. */
  readonly values: readonly (Stored | null)[]
  /**
   * The namespace's count of invalidations, on a cluster the key's lease; null while nobody counts or it was not asked for, undefined when Redis could
   * not be asked.
   */
  readonly seen: Version | null | undefined
  /** The version of each tag, in order; null for a tag that is not tracked. */
  readonly tags: readonly (Version | null)[]
}

/** What is noted before a load begins, so that it can be told afterwards whether it was overtaken. */
export interface Basis {
  readonly seen: Version
  readonly tags: readonly Version[]
  /** Where loaders name tags: the version of the tag that was outdated last. */
  readonly epoch?: Version | undefined
}

/** What several loads are based on: `seen` for each key, the tags for all. */
export interface Tracking {
  readonly seen: readonly Version[]
  readonly tags: readonly Version[]
}

/** How far a namespace is swept or listed. */
export interface Cursor {
  readonly cursor: string
}

/** Some keys of a namespace, and how to go on. */
export interface Page extends Cursor {
  readonly keys: readonly string[]
}

/** What one page of a sweep did. */
export interface Swept extends Cursor {
  /** How many values it removed. */
  readonly removed: number
}

/**
 * What a miss saw at the key and its load may replace: nothing, or the value of this mark (see `markOf`). `unclear` is
 * a value of which the client has no exact copy: its mark is known to the server alone.
 */
export type Standing = 'nothing' | 'unclear' | { readonly mark: string }

/** The result of a load, with what must still hold for it to be stored. */
export interface Load {
  readonly value: Stored
  readonly ttlMs: number
  readonly tags: readonly string[]
  readonly basis: Basis
  readonly replaces: Exclude<Standing, 'unclear'>
}

/** What became of the result of a load; `displaced`: stored in place of something that was no value of a cache. */
export type Kept = 'refused' | 'stored' | 'displaced'

/** The steps of a cache. Each is atomic on a single server, and for each key on a cluster. Tags go by the names of their keys. */
export interface CacheStore {
  /** Reads keys, tag versions and, save for one key without tags, the count of invalidations, as they are at one moment. */
  read(call: Call, keys: readonly string[], tags: readonly string[]): Promise<Reading>
  /** Stores unconditionally. A value that carries tags is given their versions, tracked from now on, in its header. */
  write(call: Call, key: string, value: Stored, ttlMs: number, tags: readonly string[]): Promise<void>
  /** As `write`; false, and nothing is written, when a larger fence has been seen at the key. */
  writeFenced(
    call: Call,
    key: string,
    value: Stored,
    ttlMs: number,
    tags: readonly string[],
    fence: string,
  ): Promise<boolean>
  /** The basis of loads: begins to count, and to track the tags, where nobody did. Undefined if Redis cannot. */
  track(call: Call, keys: readonly string[], tags: readonly string[]): Promise<Tracking | undefined>
  /** The version of each tag, in order; null for a tag that is not tracked. */
  versions(call: Call, tags: readonly string[]): Promise<readonly (Version | null)[]>
  /** The version of the tag that was outdated last in the namespace. Undefined if Redis cannot. */
  epoch(call: Call): Promise<Version | undefined>
  /**
   * The versions of tags that a load names when it ends, for a value that is kept for so long; undefined if one of them may
   * have been outdated since the epoch.
   */
  adopt(call: Call, tags: readonly string[], epoch: Version, keptMs: number): Promise<readonly Version[] | undefined>
  /** Whether certainly neither the key was deleted nor the namespace cleared since the count was `seen`. */
  untouched(call: Call, key: string, seen: Version): Promise<boolean>
  /** The mark of the value that stands at the key. */
  mark(call: Call, key: string): Promise<Exclude<Standing, 'unclear'>>
  /**
   * Stores the result of a load unless, since its basis was noted, the key was deleted or written, one of its tags
   * outdated or the namespace cleared. A load for which that can no longer be told is not stored.
   */
  keep(call: Call, key: string, load: Load): Promise<Kept>
  /** Takes the right to load the key among all processes, for a time. False while another has it, undefined if Redis cannot say. */
  claim(call: Call, key: string, token: string, ms: number): Promise<boolean | undefined>
  /** Gives it back, and tells those who wait. */
  release(call: Call, key: string, token: string): Promise<void>
  /** Removes keys, and refuses the loads of them that are under way. */
  remove(call: Call, keys: readonly string[]): Promise<void>
  /** Gives each tag a new version: every value that carries an older one is outdated. */
  outdate(call: Call, tags: readonly string[]): Promise<void>
  /** Refuses all loads under way in the namespace. The first step of clearing it. */
  forget(call: Call): Promise<void>
  /**
   * Removes a page of the namespace's values, and refuses the loads of them that are under way: one that began before a
   * value was written must not take its place. `cursor` is `0` to begin and again at the end.
   */
  sweep(call: Call, at: Cursor): Promise<Swept>
  /** A page of the namespace's keys. `cursor` is `0` to begin and again at the end. */
  list(call: Call, at: Cursor): Promise<Page>
}

/** A cached read that takes this long is answered by its loader sooner. */
const readAttempt = 250

export const cacheOperations = {
  read: { idempotent: true, write: false, attempt: readAttempt },
  write: { idempotent: true, write: true, attempt: readAttempt },
  // The same fence may write again.
  writeFenced: { idempotent: true, write: true },
  track: { idempotent: true, write: true, attempt: readAttempt },
  versions: { idempotent: true, write: false, attempt: readAttempt },
  epoch: { idempotent: true, write: true, attempt: readAttempt },
  adopt: { idempotent: true, write: true, attempt: readAttempt },
  untouched: { idempotent: true, write: false, attempt: readAttempt },
  mark: { idempotent: true, write: false, attempt: readAttempt },
  keep: { idempotent: true, write: true, attempt: readAttempt },
  claim: { idempotent: true, write: true, attempt: readAttempt },
  release: { idempotent: true, write: true, attempt: readAttempt },
  remove: { idempotent: true, write: true, hold: true },
  outdate: { idempotent: true, write: true, hold: true },
  forget: { idempotent: true, write: true, hold: true },
  sweep: { idempotent: true, write: true },
  list: { idempotent: true, write: false },
} as const satisfies Operations<CacheStore>
