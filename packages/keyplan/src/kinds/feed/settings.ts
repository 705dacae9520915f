import { codecOf, valueProblems } from '../../base/codec/codec-of.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { durationMs, formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { sizeBytes } from '../../base/size.ts'
import { boundsOf, keepFacts, type LogTerms } from '../../mechanisms/log/terms.ts'
import type { FeedOptions, ownOptions } from './options.ts'

/** The options of a feed with their defaults. */
export interface FeedSettings {
  readonly codec: Codec<unknown>
  readonly terms: LogTerms
  readonly maxBytes: number
  readonly announce: string | undefined
}

type Options = Partial<Pick<FeedOptions<string, unknown, unknown>, keyof typeof ownOptions>>

/** Adds what is wrong with the options to `problems`. */
export function settingsOf(options: Options, problems: string[]): FeedSettings {
  const { value, ttl, keep = 10_000, renew = true, maxBytes, announce } = options
  problems.push(...valueProblems(value))
  const codec = problems.length === 0 ? codecOf(value!) : undefined
  if (typeof renew !== 'boolean') problems.push(`renew is ${shown(renew)}; write true or false`)
  const ttlMs = collect(problems, () => durationMs(ttl!, 'ttl', shown), 1_000)
  if (announce !== undefined && codec?.binary) {
    problems.push(
      `the value is stored as bytes by ${codec.name}(), and messages of a channel are text: do not announce it`,
    )
  }
  return {
    codec: codec as Codec<unknown>,
    terms: { ...boundsOf(keep, 'keep', problems), ttlMs, renew },
    maxBytes:
      maxBytes === undefined
        ? Number.POSITIVE_INFINITY
        : collect(problems, () => sizeBytes(maxBytes, 'maxBytes', shown), 0),
    announce,
  }
}

/** What `describe` prints. */
export function factsOf({ codec, terms, maxBytes, announce }: FeedSettings): { readonly [name: string]: Json } {
  return {
    value: codec?.name ?? null,
    ttl: formatDuration(terms.ttlMs),
    renew: terms.renew,
    keep: keepFacts(terms),
    maxBytes: maxBytes === Number.POSITIVE_INFINITY ? null : maxBytes,
    announce: announce ?? null,
  }
}
