import { codecOf, valueProblems } from '../../base/codec/codec-of.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { sizeBytes } from '../../base/size.ts'
import type { CacheOptions } from './options.ts'

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
  readonly loaderTags: boolean
  readonly tags: ((params: Record<string, string | number>) => readonly string[]) | undefined
}

const off = Number.POSITIVE_INFINITY

/** What is wrong is added to `problems`. */
export function settingsOf<P extends string, In, Out>(
  options: CacheOptions<P, In, Out>,
  problems: string[],
): CacheSettings {
  const { jitter = 0, earlyRefresh, maxBytes, maxLoadsWhenDown = 64, replica = 'never', value, tags } = options
  const { whenDown = 'load', acrossProcesses = false, loaderTags = false } = options
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
  if (typeof loaderTags !== 'boolean') problems.push(`loaderTags is ${shown(loaderTags)}; write true or false`)
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
    loaderTags,
    tags: tags as CacheSettings['tags'],
  }
  if (settings.loadTimeout.softMs >= settings.loadTimeout.hardMs && soft !== undefined) {
    problems.push('loadTimeout.soft is not below loadTimeout.hard, which comes first; make it shorter')
  }
  if (soft !== undefined && settings.staleIfErrorMs === 0 && settings.staleWhileRevalidateMs === 0) {
    problems.push('loadTimeout.soft answers with an old value and none is kept; declare staleIfError as well')
  }
  return settings
}

/** Whether values carry a header of the cache's own. */
export function isMarked(settings: CacheSettings): boolean {
  const { tags, loaderTags, staleWhileRevalidateMs, staleIfErrorMs, earlyRefresh, negativeTtlMs } = settings
  return (
    tags !== undefined ||
    loaderTags ||
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
