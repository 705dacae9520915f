import { codecOf, type ValueSource, valueProblems } from '../../base/codec/codec-of.ts'
import { isHeaded } from '../../base/codec/headed.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { kindOf, shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type Size, sizeBytes } from '../../base/size.ts'
import type { NamespaceOptions } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'

export interface CacheOptions<P extends string, In, Out> extends NamespaceOptions<ParamName<P>> {
  /** How long a value is fresh. */
  ttl: Duration
  /**
   * The share of `ttl`, from 0 to 1, that chance may take away from each value, so that what was stored together does not
   * expire together. A `ttl` given with a value is kept as it is. Default: 0.
   */
  jitter?: number
  /**
   * For so long after `ttl`, `getOrLoad` answers with the old value at once and loads the new one in the background.
   * `get` never gives a value that is older than `ttl`. Default: off.
   */
  staleWhileRevalidate?: Duration
  /**
   * For so long after `ttl`, `getOrLoad` answers with the old value when the loader fails. The loader is then left alone
   * for a second, twice as long after each further failure, up to 30 s. Default: off.
   */
  staleIfError?: Duration
  /**
   * Loads a value in the background before it expires, when it is asked for: a number is the share of its time to live
   * after which that begins, such as 0.8; `xfetch` begins at random, the earlier the longer the load takes (optimal
   * probabilistic early expiration: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede Prevention",
   * PVLDB 8(8), 2015, with β = 1). Default: off.
   */
  earlyRefresh?: number | 'xfetch'
  /** For so long it is remembered that a loader found nothing; without it the next caller asks again. Default: off. */
  negativeTtl?: Duration
  /**
   * How long `getOrLoad` waits for the loader, which goes on in the background all the same: after `soft` it answers with
   * an old value, if `staleIfError` or `staleWhileRevalidate` has left one; after `hard` with that or TIMEOUT. A duration
   * alone is `hard`. Default: no limit but the call's own `deadline`.
   */
  loadTimeout?: Duration | { soft?: Duration; hard?: Duration }
  /**
   * Lets one process of all load a key, while the others wait for its value, by notification: for at most `wait`
   * (default 5s), then each loads for itself. The right to load lasts for the hard `loadTimeout`, else for `loadWindow`.
   * Costs a miss one more round trip. Default: each process loads once.
   */
  acrossProcesses?: boolean | { wait?: Duration }
  /**
   * Keeps copies of values in this process. Redis tells which keys change, whoever changes them, so that a copy is older
   * than the truth for about a trip; while that cannot be heard, nothing is kept. Where the server does not tell at all,
   * copies live for a second at most, which is noticed once (`near-untracked`). `true` takes the defaults. Default: off.
   */
  near?: boolean | NearOptions
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
  /** How many loaders run at once while Redis cannot be asked; further ones take turns, in order. Default: 64. */
  maxLoadsWhenDown?: number
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

export interface NearOptions {
  /** Most values. Default: 10,000. */
  max?: number
  /** Most bytes of keys and values, as they are stored. Default: 64mb. */
  maxBytes?: Size
  /** How long a copy lives, which bounds what could go unheard. Default: 1m. Never longer than the namespace's `ttl`. */
  ttl?: Duration
  /**
   * `frozen`: all who read a key share one frozen value; what cannot be frozen, such as a Date or a buffer, is decoded for
   * each. `copies`: everything is decoded for each. Default: `frozen`.
   */
  values?: 'frozen' | 'copies'
}

export type WhenDown = NonNullable<CacheOptions<string, unknown, unknown>['whenDown']>

/** The options with their defaults, in milliseconds; 0 where a time is switched off. */
export interface CacheSettings {
  readonly ttlMs: number
  readonly jitter: number
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly earlyRefresh: number | 'xfetch' | undefined
  readonly negativeTtlMs: number
  /** Infinity where there is no limit. */
  readonly loadTimeout: { readonly softMs: number; readonly hardMs: number }
  readonly acrossProcesses: { readonly waitMs: number } | undefined
  readonly near:
    | { readonly max: number; readonly maxBytes: number; readonly ttlMs: number; readonly frozen: boolean }
    | undefined
  readonly maxBytes: number
  readonly maxLoadsWhenDown: number
  readonly loadWindowMs: number
  /** Whether replicas may be read. */
  readonly replica: boolean
  readonly codec: Codec<unknown>
  readonly tags: ((params: Record<string, string | number>) => readonly string[]) | undefined
}

export const ownOptions: Readonly<
  Record<Exclude<keyof CacheOptions<string, unknown, unknown>, keyof NamespaceOptions>, true>
> = {
  ttl: true,
  value: true,
  jitter: true,
  staleWhileRevalidate: true,
  staleIfError: true,
  earlyRefresh: true,
  negativeTtl: true,
  loadTimeout: true,
  acrossProcesses: true,
  near: true,
  maxBytes: true,
  tags: true,
  whenDown: true,
  maxLoadsWhenDown: true,
  loadWindow: true,
  replica: true,
}

const off = Number.POSITIVE_INFINITY

/** What is wrong is added to `problems`. */
export function settingsOf<P extends string, In, Out>(
  options: CacheOptions<P, In, Out>,
  problems: string[],
): CacheSettings {
  const { jitter = 0, earlyRefresh, maxBytes, maxLoadsWhenDown = 64, replica = 'never', value, tags } = options
  const { whenDown = 'load', acrossProcesses = false } = options
  const time = (duration: Duration, name: string) => collect(problems, () => durationMs(duration, name, shown), 1_000)
  const optional = (duration: Duration | undefined, name: string, without = 0) =>
    duration === undefined ? without : time(duration, name)
  problems.push(...valueProblems(value))
  if (!['load', 'memory', 'fail'].includes(whenDown)) {
    problems.push(`whenDown is ${shown(whenDown)}; use 'load', 'memory' or 'fail'`)
  }
  if (replica !== 'allow' && replica !== 'never') problems.push(`replica is ${shown(replica)}; use 'allow' or 'never'`)
  if (!isShare(jitter)) problems.push(`jitter is ${shown(jitter)}; give a share of the ttl from 0 to 1, such as 0.1`)
  if (earlyRefresh !== undefined && earlyRefresh !== 'xfetch' && !isShare(earlyRefresh)) {
    problems.push(
      `earlyRefresh is ${shown(earlyRefresh)}; give a share of the ttl from 0 to 1, such as 0.8, or 'xfetch'`,
    )
  }
  if (!Number.isSafeInteger(maxLoadsWhenDown) || maxLoadsWhenDown < 1) {
    problems.push(`maxLoadsWhenDown is ${shown(maxLoadsWhenDown)}; it must be a whole number from 1`)
  }
  if (tags !== undefined && typeof tags !== 'function') {
    problems.push(`tags is ${kindOf(tags)}; give a function from params to a list of tags`)
  }
  const { soft, hard } = timeoutsOf(options.loadTimeout, problems)
  const settings = {
    ttlMs: time(options.ttl, 'ttl'),
    jitter,
    staleWhileRevalidateMs: optional(options.staleWhileRevalidate, 'staleWhileRevalidate'),
    staleIfErrorMs: optional(options.staleIfError, 'staleIfError'),
    earlyRefresh,
    negativeTtlMs: optional(options.negativeTtl, 'negativeTtl'),
    loadTimeout: {
      softMs: optional(soft, 'loadTimeout.soft', off),
      hardMs: optional(hard, 'loadTimeout.hard', off),
    },
    acrossProcesses: waitOf(acrossProcesses, problems, optional),
    near: nearOf(options, problems),
    maxBytes: maxBytes === undefined ? off : collect(problems, () => sizeBytes(maxBytes, 'maxBytes', shown), 0),
    maxLoadsWhenDown,
    loadWindowMs: optional(options.loadWindow, 'loadWindow', 30_000),
    replica: replica === 'allow',
    codec: (problems.length === 0 ? codecOf(value) : undefined) as Codec<unknown>,
    tags: tags as CacheSettings['tags'],
  }
  if (soft !== undefined && settings.staleIfErrorMs === 0 && settings.staleWhileRevalidateMs === 0) {
    problems.push('loadTimeout.soft answers with an old value and none is kept; declare staleIfError as well')
  }
  return settings
}

/** What `describe` prints. */
export function factsOf(settings: CacheSettings): { readonly [name: string]: Json } {
  const { codec, tags, acrossProcesses, loadTimeout, near } = settings
  const time = (ms: number) => (ms === 0 || ms === off ? null : formatDuration(ms))
  return {
    ttl: formatDuration(settings.ttlMs),
    jitter: settings.jitter,
    staleWhileRevalidate: time(settings.staleWhileRevalidateMs),
    staleIfError: time(settings.staleIfErrorMs),
    earlyRefresh: settings.earlyRefresh ?? null,
    negativeTtl: time(settings.negativeTtlMs),
    loadTimeout: { soft: time(loadTimeout.softMs), hard: time(loadTimeout.hardMs) },
    acrossProcesses: acrossProcesses ? { wait: formatDuration(acrossProcesses.waitMs) } : false,
    near: near
      ? { max: near.max, maxBytes: near.maxBytes, ttl: formatDuration(near.ttlMs), frozen: near.frozen }
      : false,
    maxBytes: settings.maxBytes === off ? null : settings.maxBytes,
    maxLoadsWhenDown: settings.maxLoadsWhenDown,
    value: codec?.name ?? null,
    form: isMarked(settings) || (codec && isHeaded(codec)) ? 'headed' : 'plain',
    tags: tags !== undefined,
    loadWindow: formatDuration(settings.loadWindowMs),
    replica: settings.replica,
  }
}

/** Whether values carry a header of the cache's own. */
export function isMarked(settings: CacheSettings): boolean {
  const { tags, staleWhileRevalidateMs, staleIfErrorMs, earlyRefresh, negativeTtlMs } = settings
  return (
    tags !== undefined ||
    earlyRefresh !== undefined ||
    staleWhileRevalidateMs > 0 ||
    staleIfErrorMs > 0 ||
    negativeTtlMs > 0
  )
}

const isShare = (value: unknown) => typeof value === 'number' && value >= 0 && value <= 1

function timeoutsOf(given: CacheOptions<string, unknown, unknown>['loadTimeout'], problems: string[]) {
  if (typeof given !== 'object') return { soft: undefined, hard: given }
  problems.push(...groupProblems(given, 'loadTimeout', ['soft', 'hard']))
  return { soft: given?.soft, hard: given?.hard }
}

function waitOf(
  given: NonNullable<CacheOptions<string, unknown, unknown>['acrossProcesses']>,
  problems: string[],
  time: (duration: Duration | undefined, name: string, without: number) => number,
): CacheSettings['acrossProcesses'] {
  if (given === false) return undefined
  if (given === true) return { waitMs: defaultWaitMs }
  problems.push(...groupProblems(given, 'acrossProcesses', ['wait']))
  return { waitMs: time(given?.wait, 'acrossProcesses.wait', defaultWaitMs) }
}

const defaultWaitMs = 5_000

function nearOf(
  { near = false, ttl, replica }: Pick<CacheOptions<string, unknown, unknown>, 'near' | 'ttl' | 'replica'>,
  problems: string[],
): CacheSettings['near'] {
  if (near === false) return undefined
  const given = near === true ? {} : near
  problems.push(...groupProblems(given, 'near', ['max', 'maxBytes', 'ttl', 'values']))
  const { max = 10_000, maxBytes = '64mb', ttl: copyTtl = '1m', values = 'frozen' } = given ?? {}
  if (!Number.isSafeInteger(max) || max < 1)
    problems.push(`near.max is ${shown(max)}; it must be a whole number from 1`)
  if (values !== 'frozen' && values !== 'copies') {
    problems.push(`near.values is ${shown(values)}; use 'frozen' or 'copies'`)
  }
  if (replica === 'allow') {
    problems.push("near keeps what the master says, and replica is 'allow'; leave one of them out")
  }
  const ttlMs = collect(problems, () => durationMs(copyTtl, 'near.ttl', shown), 1_000)
  return {
    max,
    maxBytes: collect(problems, () => sizeBytes(maxBytes, 'near.maxBytes', shown), 0),
    ttlMs: Math.min(
      ttlMs,
      collect([], () => durationMs(ttl, 'ttl'), ttlMs),
    ),
    frozen: values === 'frozen',
  }
}
