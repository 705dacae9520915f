import { codecOf, valueProblems } from '../../base/codec/codec-of.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { durationMs, formatDuration } from '../../base/duration.ts'
import { kindOf, shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { groupProblems } from '../../base/option-group.ts'
import { boundsOf, keepFacts, type LogTerms } from '../../mechanisms/log/terms.ts'
import type { ownOptions, RegistryIndex, RegistryOptions, RegistryWhenDown } from './options.ts'

/** The options of a registry with their defaults, in milliseconds. */
export interface RegistrySettings {
  /** The last parameter of the pattern, which names a member. */
  readonly param: string
  readonly leaseMs: number
  readonly beatMs: number
  /** Undefined where members tell nothing of themselves. */
  readonly codec: Codec<unknown> | undefined
  readonly index: RegistryIndex<unknown, string>
  readonly terms: LogTerms
  /** Undefined: members are not mirrored. */
  readonly mirrorMs: number | undefined
  readonly announce: string | undefined
  readonly whenDown: RegistryWhenDown
}

type Options = Partial<
  Pick<RegistryOptions<string, unknown, unknown, string, RegistryWhenDown>, keyof typeof ownOptions | 'hashed'>
>

const shortestLease = 300
const longestLease = 604_800_000
const eventsLive = 86_400_000

/** Adds what is wrong with the options to `problems`. */
export function settingsOf(pattern: unknown, options: Options, problems: string[]): RegistrySettings {
  const { lease = '30s', beat, metadata, index = {}, keep = 10_000, announce, whenDown = 'unknown' } = options
  const param = memberParam(pattern)
  if (param === undefined) problems.push("the pattern names no member; end it with a parameter: 'agents:<agentId>'")
  else if (Array.isArray(options.hashed) && options.hashed.includes(param)) {
    problems.push(`hashed names '${param}', by which members are listed; leave it out`)
  }
  const leaseMs = collect(problems, () => durationMs(lease, 'lease', shown), 30_000)
  if (leaseMs < shortestLease || leaseMs > longestLease) problems.push(`lease is ${lease}; give 300ms to 7d`)
  const beatMs = beat === undefined ? leaseMs / 3 : collect(problems, () => durationMs(beat, 'beat', shown), 1)
  if (beatMs > leaseMs / 2) problems.push(`beat is ${beat}, and the lease ${lease}; beat at least twice in it`)
  if (metadata !== undefined) problems.push(...valueProblems(metadata))
  const codec = metadata === undefined || problems.length > 0 ? undefined : codecOf(metadata)
  if (codec?.binary) {
    problems.push(`the metadata is stored as bytes by ${codec.name}(), and events are text; use json()`)
  }
  problems.push(...indexProblems(index, metadata !== undefined))
  if (whenDown !== 'unknown' && whenDown !== 'fail') {
    problems.push(`whenDown is ${shown(whenDown)}; use 'unknown' or 'fail'`)
  }
  return {
    param: param ?? '',
    leaseMs,
    beatMs,
    codec,
    index: typeof index === 'object' && index !== null ? index : {},
    terms: { ...boundsOf(keep, 'keep', problems), ttlMs: eventsLive, renew: true },
    mirrorMs: mirrorOf(options.mirror, problems),
    announce,
    whenDown,
  }
}

/** The last parameter of a pattern. */
function memberParam(pattern: unknown): string | undefined {
  return typeof pattern === 'string' ? [...pattern.matchAll(/<(\w+)(?:\.\.\.)?>/g)].at(-1)?.[1] : undefined
}

function indexProblems(index: unknown, isDescribed: boolean): string[] {
  if (typeof index !== 'object' || index === null || Array.isArray(index)) {
    return [`index is ${kindOf(index)}; write an object with a function for each field`]
  }
  const fields = Object.entries(index)
  if (fields.length > 0 && !isDescribed) return ['index is made of the metadata; declare that as well']
  return fields.flatMap(([field, read]) => [
    ...(/^[A-Za-z]\w*$/.test(field) ? [] : ['index has a field that is no name; use letters, digits and _ only']),
    ...(typeof read === 'function' ? [] : [`index.${field} is ${kindOf(read)}; give a function of the metadata`]),
  ])
}

function mirrorOf(mirror: Options['mirror'], problems: string[]): number | undefined {
  if (mirror === undefined || mirror === false) return undefined
  if (mirror === true) return 300_000
  const wrong = groupProblems(mirror, 'mirror', ['ttl'])
  problems.push(...wrong)
  if (wrong.length > 0) return undefined
  const ms = collect(problems, () => durationMs(mirror.ttl ?? '5m', 'mirror.ttl', shown), 300_000)
  if (ms < 1_000) problems.push(`mirror.ttl is ${mirror.ttl}; give 1s or more`)
  return ms
}

/** What `describe` prints. */
export function factsOf(settings: RegistrySettings): { readonly [name: string]: Json } {
  const { leaseMs, beatMs, codec, index, terms, mirrorMs, announce } = settings
  return {
    lease: formatDuration(leaseMs),
    beat: formatDuration(Math.round(beatMs)),
    metadata: codec?.name ?? null,
    index: Object.keys(index),
    keep: keepFacts(terms),
    mirror: mirrorMs === undefined ? null : formatDuration(mirrorMs),
    announce: announce ?? null,
  }
}
