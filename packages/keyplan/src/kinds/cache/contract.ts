import type { Call, CallOptions } from '../../base/call.ts'
import { codecOf, type ValueSource, valueProblems } from '../../base/codec/codec-of.ts'
import { isHeaded } from '../../base/codec/headed.ts'
import type { Codec, Stored } from '../../base/codec.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { isKeyplanError, kindOf } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Declaration, NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'

/** What the loader of a key gives: the value, or undefined for "there is none", which is not stored. */
export type Loader<In> = () => Promise<In | undefined> | In | undefined

/**
 * What became of a change: Redis has carried it out, or, with a `whenDown` other than `fail`, it is owed: Redis could not
 * be asked, this process reads what it concerns as a miss, and carries it out as soon as Redis answers.
 */
export type Certainty = 'done' | 'owed'

/** One key of a cache. */
export interface CacheEntry<In, Out> {
  /** The value, or undefined when there is none. `null` is a value. */
  get(options?: CallOptions): Promise<Out | undefined>
  has(options?: CallOptions): Promise<boolean>
  /** Stores a value for `ttl`, by default the namespace's. A load that is under way will not overwrite it. */
  set(value: In, options?: CallOptions & { ttl?: Duration }): Promise<Certainty>
  /** Removes the value. A load that is under way, in any process, will not bring it back. */
  delete(options?: CallOptions): Promise<Certainty>
  /**
   * The value; on a miss, the loader's, which is then stored unless the key or one of its tags was invalidated since
   * the miss. All callers of this process that miss the same key share one load; the signal of one lets go of it
   * without stopping it. Every caller gets a copy of its own, decoded from the stored form, so that a loaded value is
   * no different from a cached one.
   *
   * @throws whatever the loader throws, to every caller that shared the load; nothing is stored then
   */
  getOrLoad(loader: Loader<In>, options?: CallOptions): Promise<Out | undefined>
}

/** `redis.<namespace>` of a cache: call it with params to reach one key. */
export interface CacheNamespace<P, In, Out> {
  (params: P): CacheEntry<In, Out>
  /** The values of many keys in one round trip, in order; undefined where there is none. */
  getMany(params: readonly P[], options?: CallOptions): Promise<(Out | undefined)[]>
  /** Outdates every value that carries the tag, however many. One step on the server. */
  invalidateTag(tag: string, options?: CallOptions): Promise<Certainty>
  /** Removes every value of the namespace, in bounded batches. Resolves with how many it removed. */
  clear(options?: CallOptions): Promise<number>
}

export interface CacheOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** How long a value lives. */
  ttl: Duration
  /** A codec such as `json<T>()`, or any Standard Schema, which then validates what is written and what is read. */
  value: ValueSource<In, Out>
  /** Tags of a key, made from its params. `invalidateTag` outdates all values that carry one. */
  tags?: (params: Params<P>) => readonly string[]
  /**
   * When Redis cannot be asked: `load` reads as a miss, so that the loader answers (default); `memory` serves from a
   * bounded store in this process; `fail` rejects. With `load` and `memory`, invalidations are kept and carried out
   * before the first read after the outage.
   */
  whenDown?: 'load' | 'memory' | 'fail'
  /**
   * How long the namespace remembers what was deleted. A load that takes longer is not stored if a delete that happened
   * meanwhile is already forgotten. Default: 30s.
   */
  loadWindow?: Duration
}

export type WhenDown = NonNullable<CacheOptions<string, unknown, unknown>['whenDown']>

/** The options with their defaults, in milliseconds. */
export interface CacheSettings {
  readonly ttlMs: number
  readonly loadWindowMs: number
  readonly codec: Codec<unknown>
  readonly tags: ((params: Record<string, string | number>) => readonly string[]) | undefined
}

export interface CacheDeclaration<P extends string = string, In = unknown, Out = unknown>
  extends Declaration<'cache', P, CacheNamespace<Params<P>, In, Out>> {
  readonly whenDown: WhenDown
  readonly options: CacheSettings
}

/**
 * Declares a cache: `cache('user_profile:<userId>', { ttl: '10m', value: json<Profile>() })`.
 *
 * Reads are never older than the last invalidation this process was told had been done, and a load that began before an
 * invalidation is never stored after it. Durations are at least 1ms; a ttl is required, since a cache that forgets to
 * expire is a leak.
 */
export function cache<const P extends string, In, Out>(
  pattern: P,
  options: CacheOptions<P, In, Out>,
): CacheDeclaration<P, In, Out> {
  const { ttl, value, tags, whenDown = 'load', loadWindow = '30s', ...common } = options
  const problems: string[] = [...valueProblems(value)]
  const time = (duration: Duration, name: string): number => {
    try {
      return durationMs(duration, name)
    } catch (error) {
      if (!isKeyplanError(error)) throw error
      problems.push(error.message)
      return 1_000
    }
  }
  if (!['load', 'memory', 'fail'].includes(whenDown)) {
    problems.push(`whenDown is ${kindOf(whenDown)}; use 'load', 'memory' or 'fail'`)
  }
  if (tags !== undefined && typeof tags !== 'function') {
    problems.push(`tags is ${kindOf(tags)}; give a function from params to a list of tags`)
  }
  const settings = {
    ttlMs: time(ttl, 'ttl'),
    loadWindowMs: time(loadWindow, 'loadWindow'),
    codec: (problems.length === 0 ? codecOf(value) : undefined) as Codec<unknown>,
    tags: tags as CacheSettings['tags'],
  }
  return {
    kind: 'cache',
    pattern,
    space: 'key',
    durability: 'evictable',
    whenDown,
    common,
    options: settings,
    facts: {
      ttl: formatDuration(settings.ttlMs),
      value: settings.codec?.name ?? null,
      form: tags || (settings.codec && isHeaded(settings.codec)) ? 'headed' : 'plain',
      tags: tags !== undefined,
      loadWindow: formatDuration(settings.loadWindowMs),
    },
    problems,
  }
}

/** A counter that only grows, in decimal: `max(previous + 1, server time in microseconds)`. */
export type Version = string

/** What one atomic read saw. */
export interface Reading {
  /** The stored form of each key, in order; null where there is no string. */
  readonly values: readonly (Stored | null)[]
  /**
   * The namespace's count of invalidations; null while nobody counts or it was not asked for, undefined when Redis could
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

/** The steps of a cache. Every one is atomic on the server. */
export interface CacheStore {
  /** Reads keys, tag versions and, save for one key without tags, the count of invalidations, as they are at one moment. */
  read(call: Call, keys: readonly string[], tags: readonly string[]): Promise<Reading>
  /** Stores unconditionally. A value that carries tags is given their versions, tracked from now on, in its header. */
  write(call: Call, key: string, value: Stored, ttlMs: number, tags: readonly string[]): Promise<void>
  /** The basis of a load: begins to count, and to track the tags, where nobody did. Undefined if Redis cannot. */
  track(call: Call, tags: readonly string[]): Promise<Basis | undefined>
  /** Whether certainly neither the key was deleted nor the namespace cleared since the count was `seen`. */
  untouched(call: Call, key: string, seen: Version): Promise<boolean>
  /** The mark of the value that stands at the key. */
  mark(call: Call, key: string): Promise<Exclude<Standing, 'unclear'>>
  /**
   * Stores the result of a load unless, since its basis was noted, the key was deleted or written, one of its tags
   * outdated or the namespace cleared. A load for which that can no longer be told is not stored.
   */
  keep(call: Call, key: string, load: Load): Promise<Kept>
  /** Removes keys, and refuses the loads of them that are under way. */
  remove(call: Call, keys: readonly string[]): Promise<void>
  /** Gives each tag a new version: every value that carries an older one is outdated. */
  outdate(call: Call, tags: readonly string[]): Promise<void>
  /** Refuses all loads under way in the namespace. The first step of clearing it. */
  forget(call: Call): Promise<void>
  /** Removes a page of the namespace's values. `cursor` is `0` to begin and again at the end. */
  sweep(call: Call, cursor: string): Promise<{ cursor: string; removed: number }>
}

/** A cached read that takes this long is answered by its loader sooner. */
const readAttempt = 250

export const cacheOperations = {
  read: { idempotent: true, write: false, attempt: readAttempt },
  write: { idempotent: true, write: true, attempt: readAttempt },
  track: { idempotent: true, write: true, attempt: readAttempt },
  untouched: { idempotent: true, write: false, attempt: readAttempt },
  mark: { idempotent: true, write: false, attempt: readAttempt },
  keep: { idempotent: true, write: true, attempt: readAttempt },
  remove: { idempotent: true, write: true, hold: true },
  outdate: { idempotent: true, write: true, hold: true },
  forget: { idempotent: true, write: true, hold: true },
  sweep: { idempotent: true, write: true },
} as const satisfies Operations<CacheStore>
