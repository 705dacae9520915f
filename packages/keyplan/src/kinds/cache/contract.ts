import type { CallOptions } from '../../base/call.ts'
import { codecOf, type ValueSource, valueProblems } from '../../base/codec/codec-of.ts'
import { isHeaded } from '../../base/codec/headed.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { kindOf, shown } from '../../base/error.ts'
import { type Size, sizeBytes } from '../../base/size.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'

/** What the loader of many keys gives: for each of the params it is given what a `Loader` would, in order. */
export type BatchLoader<P, In> = (
  missing: readonly P[],
) => Promise<readonly (In | undefined)[]> | readonly (In | undefined)[]

/** What the loader of a key gives: the value, or undefined for "there is none", which is not stored. */
export type Loader<In> = () => Promise<In | undefined> | In | undefined

/**
 * What became of a change. `done`: Redis has carried it out. `owed`, with a `whenDown` other than `fail`: Redis could not
 * be asked. This process reads what it concerns as a miss, and removes it as soon as Redis answers. The debt is kept in the
 * memory of this process: it ends with it, and other processes are served the older value until it is paid.
 */
export type Certainty = 'done' | 'owed'

/** One key of a cache. */
export interface CacheEntry<In, Out> {
  /** The value, or undefined when there is none. `null` is a value. */
  get(options?: CallOptions): Promise<Out | undefined>
  has(options?: CallOptions): Promise<boolean>
  /**
   * Stores a value for `ttl`, by default the namespace's. A load that is under way will not overwrite it. What is `owed`
   * is the removal of the value before: the new one is not stored later.
   *
   * @throws KeyplanError VALUE_INVALID when the codec cannot store the value or it is larger than `maxBytes`; PARAM_INVALID
   * for the ttl
   */
  set(value: In, options?: CallOptions & { ttl?: Duration }): Promise<Certainty>
  /** Removes the value. A load that is under way, in any process, will not bring it back. */
  delete(options?: CallOptions): Promise<Certainty>
  /**
   * The value; on a miss, the loader's, which is then stored unless the key or one of its tags was invalidated since
   * the miss. All callers of this process that miss the same key share one load; the signal of one lets go of it
   * without stopping it. Every caller gets a copy of its own, decoded from the stored form, so that a loaded value is
   * no different from a cached one.
   *
   * A loader that never settles keeps its callers waiting: give it a time limit, or the call a `deadline`.
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
  /**
   * The values of many keys, in order. Those that miss are loaded by one call of the loader, save those whose load is under
   * way already: they share that, as with `getOrLoad`. One round trip when all hit; with a miss a second one stores what was
   * loaded. On a cluster, those to each node go at once.
   *
   * @throws whatever the loader throws; KeyplanError PARAM_INVALID when it gives another number of values than asked for
   */
  getOrLoadMany(params: readonly P[], loader: BatchLoader<P, In>, options?: CallOptions): Promise<(Out | undefined)[]>
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
   * Outdates every value that carries the tag, however many. One step on the server.
   *
   * @throws KeyplanError PARAM_INVALID when the namespace declares no `tags`
   */
  invalidateTag(tag: string, options?: CallOptions): Promise<Certainty>
  /** Removes every value of the namespace, in bounded batches; all that is left of it is `owed` when Redis goes away meanwhile. */
  clear(options?: CallOptions): Promise<Certainty>
}

export interface CacheOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** How long a value lives. */
  ttl: Duration
  /**
   * The share of `ttl`, from 0 to 1, that chance may take away from each value, so that what was stored together does not
   * expire together. A `ttl` given with a value is kept as it is. Default: 0.
   */
  jitter?: number
  /**
   * The largest value that is stored, as its codec writes it. `set` refuses a larger one; one that was loaded is returned and
   * not stored, with a `notice`. Default: what the server takes, 512 MB.
   */
  maxBytes?: Size
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
  /**
   * `allow`: read from a replica where there is one. What it has may be as old as it is behind its master, also after a
   * change by this process. Default: `never`.
   */
  replica?: 'allow' | 'never'
}

export type WhenDown = NonNullable<CacheOptions<string, unknown, unknown>['whenDown']>

/** The options with their defaults, in milliseconds. */
export interface CacheSettings {
  readonly ttlMs: number
  readonly jitter: number
  readonly maxBytes: number
  readonly loadWindowMs: number
  /** Whether replicas may be read. */
  readonly replica: boolean
  readonly codec: Codec<unknown>
  readonly tags: ((params: Record<string, string | number>) => readonly string[]) | undefined
}

export interface CacheDeclaration<P extends string = string, In = unknown, Out = unknown>
  extends Declaration<'cache', P, CacheNamespace<Params<P>, In, Out>> {
  readonly whenDown: WhenDown
  readonly options: CacheSettings
}

const ownOptions: Readonly<
  Record<Exclude<keyof CacheOptions<string, unknown, unknown>, keyof NamespaceOptions>, true>
> = {
  ttl: true,
  value: true,
  jitter: true,
  maxBytes: true,
  tags: true,
  whenDown: true,
  loadWindow: true,
  replica: true,
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
  const { ttl, jitter = 0, maxBytes, value, tags, ...others } = options ?? {}
  const { whenDown = 'load', loadWindow = '30s', replica = 'never', ...common } = others
  const problems = [...optionProblems(options, Object.keys(ownOptions)), ...valueProblems(value)]
  const time = (duration: Duration, name: string) => collect(problems, () => durationMs(duration, name, shown), 1_000)
  if (!['load', 'memory', 'fail'].includes(whenDown)) {
    problems.push(`whenDown is ${shown(whenDown)}; use 'load', 'memory' or 'fail'`)
  }
  if (replica !== 'allow' && replica !== 'never') problems.push(`replica is ${shown(replica)}; use 'allow' or 'never'`)
  if (typeof jitter !== 'number' || !(jitter >= 0 && jitter <= 1)) {
    problems.push(`jitter is ${shown(jitter)}; give a share of the ttl from 0 to 1, such as 0.1`)
  }
  if (tags !== undefined && typeof tags !== 'function') {
    problems.push(`tags is ${kindOf(tags)}; give a function from params to a list of tags`)
  }
  const settings = {
    ttlMs: time(ttl, 'ttl'),
    jitter,
    maxBytes:
      maxBytes === undefined
        ? Number.POSITIVE_INFINITY
        : collect(problems, () => sizeBytes(maxBytes, 'maxBytes', shown), 0),
    loadWindowMs: time(loadWindow, 'loadWindow'),
    replica: replica === 'allow',
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
      jitter,
      maxBytes: maxBytes ?? null,
      value: settings.codec?.name ?? null,
      form: tags || (settings.codec && isHeaded(settings.codec)) ? 'headed' : 'plain',
      tags: tags !== undefined,
      loadWindow: formatDuration(settings.loadWindowMs),
      replica: settings.replica,
    },
    problems,
  }
}
