import { codecOf, valueProblems } from '../../base/codec/codec-of.ts'
import type { Codec } from '../../base/codec.ts'
import { collect } from '../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import { readSyntax } from '../../plan/pattern/syntax.ts'
import { type SessionOptions, sessionOptionNames } from './options.ts'

/** The options with their defaults, in milliseconds. */
export interface SessionSettings {
  readonly codec: Codec<unknown>
  readonly ttlMs: number
  /** Infinity: without end. */
  readonly absoluteMs: number
  readonly touchEveryMs: number
  readonly graceMs: number
  readonly perUser: PerUser | undefined
  /** Whether the key holds the hash of the id. */
  readonly hashed: boolean
  readonly announce: string | undefined
  /** The name of the pattern's parameter. */
  readonly param: string
}

export interface PerUser {
  readonly by: (data: unknown) => string | number | undefined | null
  readonly max: number | undefined
}

/** How a namespace of sessions is declared, beside what is wrong with that and what is to be warned of. */
export interface SessionReading {
  readonly settings: SessionSettings
  readonly common: NamespaceOptions
  readonly warnings: readonly string[]
}

const longestTouchPause = 300_000
export const longestGrace = 300_000

export function settingsOf(pattern: string, options: unknown, problems: string[]): SessionReading {
  problems.push(...optionProblems(options, sessionOptionNames))
  const given = (options ?? {}) as Partial<SessionOptions<object, unknown>> & NamespaceOptions
  const {
    ttl,
    value,
    absolute,
    touchEvery,
    perUser,
    rotateGrace,
    idInKey = 'hash',
    announce,
    whenDown = 'fail',
  } = given
  const ms = (name: string, duration: Duration | undefined, otherwise: number, required = false) =>
    duration === undefined && !required
      ? otherwise
      : collect(problems, () => durationMs(duration as Duration, name, shown), otherwise)

  const ttlMs = ms('ttl', ttl, 60_000, true)
  const absoluteMs = ms('absolute', absolute, Number.POSITIVE_INFINITY)
  if (absoluteMs < ttlMs) problems.push(`absolute is ${absolute} and ttl ${ttl}; absolute is the longer one`)
  const touchEveryMs = ms('touchEvery', touchEvery, Math.max(1, Math.min(Math.floor(ttlMs / 10), longestTouchPause)))
  if (touchEveryMs > ttlMs / 2) problems.push(`touchEvery is ${touchEvery} and ttl ${ttl}; it is at most half of ttl`)
  const graceMs = ms('rotateGrace', rotateGrace, 0)
  if (graceMs > longestGrace)
    problems.push(`rotateGrace is ${rotateGrace}; it is at most ${formatDuration(longestGrace)}`)
  if (idInKey !== 'hash' && idInKey !== 'plain') problems.push(`idInKey is ${shown(idInKey)}; use 'hash' or 'plain'`)
  if (whenDown !== 'fail' && whenDown !== 'memory') {
    problems.push(`whenDown is ${shown(whenDown)}; use 'fail' or 'memory'`)
  }
  if (given.hashed !== undefined) problems.push("hashed is not for sessions; idInKey: 'hash' is the default")

  const param = paramOf(pattern, problems)
  const hashed = idInKey === 'hash'
  const common = Object.fromEntries(
    Object.entries(given).filter(([name]) => !(sessionOptionNames as readonly string[]).includes(name)),
  )
  return {
    settings: {
      codec: codecFor(value, problems),
      ttlMs,
      absoluteMs,
      touchEveryMs,
      graceMs,
      perUser: perUserOf(perUser, problems),
      hashed,
      announce,
      param,
    },
    common: hashed && param !== '' ? { ...common, hashed: [param] } : common,
    warnings: hashed ? [] : ["idInKey: 'plain' puts login secrets into key names; whoever can list keys can log in"],
  }
}

function paramOf(pattern: unknown, problems: string[]): string {
  if (typeof pattern !== 'string') return ''
  const params = readSyntax(pattern).parts.flatMap(part => ('param' in part ? [part] : []))
  if (params.length !== 1) problems.push(`its pattern has ${params.length} parameters; it needs one, the session's id`)
  else if (params[0]!.rest)
    problems.push(`its parameter <${params[0]!.param}...> takes the rest of a key; leave the dots out`)
  return params[0]?.param ?? ''
}

function codecFor(value: unknown, problems: string[]): Codec<unknown> {
  const found = valueProblems(value)
  problems.push(...found)
  const codec = found.length === 0 ? codecOf(value as Codec<unknown>) : noCodec
  if (found.length === 0 && codec.format !== 'json') {
    problems.push(`the value is ${codec.name}; sessions are stored as plain JSON: use json() or a schema`)
  }
  return codec
}

/** Stands in until the plan is refused. */
const noCodec: Codec<unknown> = { name: 'none', binary: false, encode: () => 'null', decode: () => undefined }

function perUserOf(perUser: unknown, problems: string[]): PerUser | undefined {
  if (perUser === undefined) return undefined
  problems.push(...groupProblems(perUser, 'perUser', ['by', 'max']))
  const { by, max } = (perUser ?? {}) as Partial<PerUser>
  if (typeof by !== 'function') {
    problems.push(`perUser.by is ${kindOf(by)}; give a function that names the user: data => data.userId`)
  }
  if (max !== undefined && (!Number.isSafeInteger(max) || max < 1)) {
    problems.push(`perUser.max is ${shown(max)}; give a whole number from 1`)
  }
  return { by: by as PerUser['by'], max }
}
