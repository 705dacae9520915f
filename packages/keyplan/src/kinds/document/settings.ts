import { codecOf, valueProblems } from '../../base/codec/codec-of.ts'
import { json } from '../../base/codec/json.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { durationMs, formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import type { DocumentOptions } from './contract.ts'

/** The options with their defaults, in milliseconds. */
export interface DocumentSettings<In = never, Out = unknown> {
  /** Undefined: it lives until it is deleted. */
  readonly ttlMs: number | undefined
  readonly renew: boolean
  readonly history: number
  readonly pollMs: number
  readonly codec: Codec<In, Out>
  readonly announce: string | undefined
}

const mostHistory = 1_000

type Given<In, Out> = Pick<
  DocumentOptions<string, In, Out>,
  'ttl' | 'renew' | 'history' | 'poll' | 'value' | 'whenDown' | 'announce'
>

/** Adds what is wrong with them to `problems`. */
export function settingsOf<In, Out>(
  { ttl, renew = true, history = 0, poll = '30s', value, whenDown = 'fail', announce }: Given<In, Out>,
  problems: string[],
): DocumentSettings<In, Out> {
  const ttlMs = ttl === 'none' ? undefined : collect(problems, () => durationMs(ttl, 'ttl', shown), 1_000)
  const pollMs = collect(problems, () => durationMs(poll, 'poll', shown), 1_000)
  if (typeof renew !== 'boolean') problems.push(`renew is ${shown(renew)}; write true or false`)
  if (!Number.isSafeInteger(history) || history < 0 || history > mostHistory) {
    problems.push(`history is ${shown(history)}; it must be a whole number from 0 to ${mostHistory}`)
  }
  if (whenDown !== 'fail') problems.push(`whenDown is ${shown(whenDown)}; use 'fail'`)
  const wrong = valueProblems(value)
  problems.push(...wrong)
  const codec = wrong.length > 0 ? (json() as unknown as Codec<In, Out>) : codecOf(value)
  if (announce !== undefined && codec.format !== 'json') {
    problems.push(
      `announce puts the value into a message of JSON, and ${codec.name}() does not write JSON: leave it out`,
    )
  }
  return { ttlMs, renew, history, pollMs, codec, announce }
}

/** What `describe` prints. */
export function factsOf(settings: DocumentSettings): { readonly [name: string]: Json } {
  const { ttlMs, renew, history, pollMs, codec, announce } = settings
  return {
    ttl: ttlMs === undefined ? 'none' : formatDuration(ttlMs),
    renew,
    history,
    poll: formatDuration(pollMs),
    value: codec.name,
    announce: announce ?? null,
  }
}
