import { codecOf, type ValueSource, valueProblems } from '../../base/codec/codec-of.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { durationMs, formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import type { OnceOptions } from './contract.ts'

/** The options with their defaults, in milliseconds. */
export interface OnceSettings<In = never, Out = unknown> {
  readonly ttlMs: number
  readonly leaseMs: number
  /** Whether an operation whose process fell silent is run again. */
  readonly rerun: boolean
  /** Whether what the work throws is stored. */
  readonly keepFailures: boolean
  readonly codec: Codec<In, Out>
}

type Given<In, Out> = Pick<OnceOptions, 'ttl' | 'onCrash' | 'lease' | 'failures' | 'whenDown'> & {
  value: ValueSource<In, Out> | undefined
}

/** A lease must be confirmed within it, and a crash is found out after it. */
const shortestLease = 100
const longestLease = 3_600_000

/** Where there is no result: only that there was an end is remembered. */
const nothing: Codec<unknown, undefined> = {
  name: 'nothing',
  binary: false,
  encode: () => '',
  decode: () => undefined,
}

/** Adds what is wrong with them to `problems`. */
export function settingsOf<In, Out>(
  { ttl, onCrash, lease = '30s', failures, whenDown = 'fail', value }: Given<In, Out>,
  problems: string[],
): OnceSettings<In, Out> {
  const before = problems.length
  const ttlMs = collect(problems, () => durationMs(ttl, 'ttl', shown), 1_000)
  const leaseMs = collect(problems, () => durationMs(lease, 'lease', shown), 1_000)
  if (leaseMs < shortestLease || leaseMs > longestLease) {
    problems.push(`lease is ${lease}; a process may be silent for 100ms to 1h before it counts as crashed`)
  } else if (problems.length === before && ttlMs < leaseMs) {
    problems.push(
      `ttl is ${ttl}, which is less than the lease of ${lease}; it is remembered for longer than it may run silent`,
    )
  }
  if (onCrash !== 'rerun' && onCrash !== 'refuse') {
    problems.push(`onCrash is ${shown(onCrash)}; use 'rerun' (at least once) or 'refuse' (at most once)`)
  }
  if (failures !== undefined && failures !== 'forget' && failures !== 'keep') {
    problems.push(`failures is ${shown(failures)}; use 'forget' or 'keep'`)
  }
  if (failures === 'forget' && onCrash === 'refuse') {
    problems.push(`failures is 'forget', which runs again what onCrash 'refuse' lets run at most once; use 'keep'`)
  }
  if (whenDown !== 'fail') problems.push(`whenDown is ${shown(whenDown)}; use 'fail'`)
  if (value !== undefined) problems.push(...valueProblems(value))
  const declared = value !== undefined && problems.length === before ? codecOf(value) : undefined
  return {
    ttlMs,
    leaseMs,
    rerun: onCrash === 'rerun',
    keepFailures: onCrash === 'refuse' || failures === 'keep',
    codec: declared ?? (nothing as unknown as Codec<In, Out>),
  }
}

/** What `describe` prints. */
export function factsOf(settings: OnceSettings): { readonly [name: string]: Json } {
  const { ttlMs, leaseMs, rerun, keepFailures, codec } = settings
  return {
    ttl: formatDuration(ttlMs),
    lease: formatDuration(leaseMs),
    onCrash: rerun ? 'rerun' : 'refuse',
    failures: keepFailures ? 'keep' : 'forget',
    value: codec.name,
  }
}
