import type { CallOptions } from '../../base/call.ts'
import type { Duration } from '../../base/duration.ts'
import { commonOf, type Declaration, optionProblems } from '../../plan/declaration.ts'
import type { Params } from '../../plan/params.ts'
import { factsOf } from './facts.ts'
import { type CacheOptions, ownOptions, type WhenDown } from './options.ts'
import { type CacheSettings, settingsOf } from './settings.ts'
import type { Unchanged } from './unchanged.ts'

/** What the loader of many keys gives: for each of the params it is given what a `Loader` would, in order. */
export type BatchLoader<P, In> = (missing: readonly P[]) => Promise<readonly In[]> | readonly In[]

/** What a loader is told, and what it may say of the value it gives. */
export interface LoadContext<Out> {
  /** The value that is stored and is loaded anew, for a conditional request; undefined when there is none. */
  readonly previous: Out | undefined
  /** To be returned when the previous value still stands, as with an HTTP 304: it is kept for another `ttl`. */
  readonly unchanged: Unchanged
  /**
   * How long this value is fresh, in place of the namespace's `ttl`.
   *
   * @throws KeyplanError PARAM_INVALID
   */
  setTtl(ttl: Duration): void
  /**
   * Tags of this value that only its loader knows, where the namespace declares `loaderTags`.
   *
   * @throws KeyplanError PARAM_INVALID for what is no tag, for more than 100, or more than 2,000 bytes of them; UNSUPPORTED
   * where the namespace does not declare it
   */
  addTags(...tags: readonly string[]): void
  /** Returns the value to those who wait, and does not store it. */
  skipStore(): void
}

/** What the loader of a key gives: the value, or, where `In` has it, undefined for "there is none": stored for `negativeTtl` alone. */
export type Loader<In, Out = In> = (load: LoadContext<Out>) => Promise<In | Unchanged> | In | Unchanged

/**
 * What became of a change. `done`: Redis has carried it out. `owed`, with a `whenDown` other than `fail`: Redis could not
 * be asked. This process reads what it concerns as a miss, and removes it as soon as Redis answers. The debt is kept in the
 * memory of this process: it ends with it, and other processes are served the older value until it is paid.
 */
export type Certainty = 'done' | 'owed'

export interface SetOptions extends CallOptions {
  /** Default: the namespace's. */
  ttl?: Duration
}

/** One key of a cache. */
export interface CacheEntry<In, Out> {
  /** The value, or undefined when there is none. `null` is a value. */
  get(options?: CallOptions): Promise<Out | undefined>
  has(options?: CallOptions): Promise<boolean>
  /**
   * `set` with the fence of the lock that the writer holds: `outdated`, and nothing is stored, when a larger one has
   * written to this key before. One round trip. Only writes with a fence are compared: a plain `set`, a `delete` and loads
   * go through. Where Redis cannot be asked it rejects, whatever `whenDown` says.
   *
   * @throws KeyplanError as `set` does; PARAM_INVALID for what is no fence
   */
  set(value: In, options: SetOptions & { fence: bigint }): Promise<Certainty | 'outdated'>
  /**
   * Stores a value for `ttl`, by default the namespace's. A load that is under way will not overwrite it. What is `owed`
   * is the removal of the value before: the new one is not stored later.
   *
   * @throws KeyplanError VALUE_INVALID when the codec cannot store the value or it is larger than `maxBytes`; PARAM_INVALID
   * for the ttl
   */
  set(value: In, options?: SetOptions): Promise<Certainty>
  /** Removes the value. A load that is under way, in any process, will not bring it back. */
  delete(options?: CallOptions): Promise<Certainty>
  /**
   * The value; on a miss, the loader's, which is then stored unless the key or one of its tags was invalidated since
   * the miss. With `staleWhileRevalidate` or `staleIfError` it may be one whose `ttl` is over. All callers of this process that miss the same key share one load; the signal of one lets go of it
   * without stopping it. Every caller gets a copy of its own, decoded from the stored form, so that a loaded value is
   * no different from a cached one.
   *
   * A loader that never settles keeps its callers waiting: declare a `loadTimeout`, or give the call a `deadline`.
   *
   * @throws whatever the loader throws, to every caller that shared the load; nothing is stored then. KeyplanError TIMEOUT
   * when `loadTimeout` is over
   */
  getOrLoad(loader: Loader<In, Out>, options?: CallOptions): Promise<Out>
  getOrLoad(loader: Loader<In | undefined, Out>, options?: CallOptions): Promise<Out | undefined>
}

export interface ClearOptions extends CallOptions {
  onProgress?: (removed: number) => void
}

/** `redis.<namespace>` of a cache: call it with params to reach one key. */
export interface CacheNamespace<P, In, Out> {
  (params: P): CacheEntry<In, Out>
  /** The values of many keys in one round trip, in order; undefined where there is none. */
  getMany(params: readonly P[], options?: CallOptions): Promise<(Out | undefined)[]>
  /**
   * The values of many keys, in order. Those that miss are loaded by one call of the loader, save those whose load is under
   * way already: they share that, as with `getOrLoad`. One round trip when all hit; with a miss a second one stores what was
   * loaded. On a cluster, those to each node go at once.
   *
   * @throws whatever the loader throws; KeyplanError PARAM_INVALID when it gives another number of values than asked for
   */
  getOrLoadMany(params: readonly P[], loader: BatchLoader<P, In>, options?: CallOptions): Promise<Out[]>
  getOrLoadMany(
    params: readonly P[],
    loader: BatchLoader<P, In | undefined>,
    options?: CallOptions,
  ): Promise<(Out | undefined)[]>
  /**
   * Stores many values in one round trip, each for its `ttl` or the namespace's. Each is stored for itself: when the call
   * rejects, others may have been. `owed` when one of them is.
   *
   * @throws KeyplanError VALUE_INVALID, PARAM_INVALID, as `set` does
   */
  setMany(
    entries: readonly { readonly params: P; readonly value: In; readonly ttl?: Duration }[],
    options?: CallOptions,
  ): Promise<Certainty>
  /**
   * Removes many values: one step on a single server, one for each node of a cluster. Loads of them that are under way, in
   * any process, will not bring them back. `owed` when one of them is.
   */
  deleteMany(params: readonly P[], options?: CallOptions): Promise<Certainty>
  /**
   * Outdates every value that carries the tag, however many. One step on the server.
   *
   * @throws KeyplanError PARAM_INVALID when the namespace declares neither `tags` nor `loaderTags`
   */
  invalidateTag(tag: string, options?: CallOptions): Promise<Certainty>
  /**
   * Removes every value of the namespace, in bounded batches; all that is left of it is `owed` when Redis goes away meanwhile.
   * `onProgress` is told after each batch how many were removed so far.
   */
  clear(options?: ClearOptions): Promise<Certainty>
  /**
   * The params of the values that are stored, in no order, asked for in bounded pages as they are consumed: a walk over all
   * keys of the server. What is there from the beginning to the end is listed; what is written or removed meanwhile may be
   * or not, and a page may repeat what another had. One may be listed that reads as a miss: outdated by its tag, or kept
   * for its stale time. Params are given as strings. `options` hold for each page. `whenDown` does not answer for it.
   *
   * @throws KeyplanError UNSUPPORTED when params are `hashed`; when it is iterated, what kept Redis from being asked
   */
  keys(options?: CallOptions): AsyncIterable<{ [Name in keyof P]: string }>
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
  const given = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf(given, problems)
  const common = commonOf(given)
  return {
    kind: 'cache',
    pattern,
    space: 'key',
    durability: 'evictable',
    whenDown: given.whenDown ?? 'load',
    common,
    options: settings,
    facts: factsOf(settings),
    problems,
  }
}
