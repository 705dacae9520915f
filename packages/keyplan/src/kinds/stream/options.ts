import { codecOf, type ValueSource, valueProblems } from '../../base/codec/codec-of.ts'
import { text } from '../../base/codec/text.ts'
import { collect } from '../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { groupProblems } from '../../base/option-group.ts'
import { redeliveryHorizon, type StreamSettings } from './settings.ts'

export const ownOptions: readonly string[] = [
  'value',
  'groups',
  'keep',
  'block',
  'batch',
  'claimAfter',
  'retry',
  'deadLetters',
  'dedupe',
  'idempotency',
]

/** The options as they may be given by whoever has no compiler. */
interface Given {
  value?: unknown
  groups?: unknown
  keep?: { entries?: number; age?: Duration; untilRead?: boolean }
  block?: Duration
  batch?: number
  claimAfter?: Duration
  retry?: { attempts?: number; delay?: Duration; max?: Duration }
  deadLetters?: { keep?: Duration }
  dedupe?: Duration
  idempotency?: boolean | { ttl?: Duration; by?: (value: never) => string }
}

const mostEntries = 100_000
/** Lua gives a command no more arguments than this allows for. */
const largestBatch = 1_000
const shortestClaim = 100

/** The settings; what is wrong joins the problems, and a default takes its place. */
export function settingsOf(given: Given, problems: string[]): StreamSettings {
  const ms = (value: Duration | undefined, name: string, otherwise: number, least = 1) => {
    if (value === undefined) return otherwise
    const found = collect(problems, () => durationMs(value, name, shown), otherwise)
    if (found < least) problems.push(`${name} is ${value}; it must be at least ${formatDuration(least)}`)
    return Math.max(found, least)
  }
  const count = (value: unknown, name: string, otherwise: number, least: number, most: number) => {
    if (value === undefined) return otherwise
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number
    problems.push(`${name} is ${shown(value)}; give a whole number from ${least} to ${most}`)
    return otherwise
  }
  const group = <T extends object>(value: T | undefined, name: string, known: readonly string[]): Partial<T> => {
    if (value === undefined) return {}
    const wrong = groupProblems(value, name, known)
    problems.push(...wrong)
    return typeof value === 'object' && value !== null ? value : {}
  }

  const wrongValue = valueProblems(given.value)
  problems.push(...wrongValue)
  const keep = group(given.keep, 'keep', ['entries', 'age', 'untilRead'])
  const retry = group(given.retry, 'retry', ['attempts', 'delay', 'max'])
  const dead = group(given.deadLetters, 'deadLetters', ['keep'])
  if (keep.untilRead !== undefined && typeof keep.untilRead !== 'boolean') {
    problems.push(`keep.untilRead is ${shown(keep.untilRead)}; write true or false`)
  }
  const ageMs = keep.age === undefined ? undefined : ms(keep.age, 'keep.age', 0)
  const delayMs = ms(retry.delay, 'retry.delay', 1_000)
  const settings = {
    codec: wrongValue.length === 0 ? codecOf(given.value as ValueSource<unknown>) : text(),
    keep: {
      entries:
        keep.entries === undefined && ageMs !== undefined
          ? undefined
          : count(keep.entries, 'keep.entries', mostEntries, 1, Number.MAX_SAFE_INTEGER),
      ageMs,
      untilRead: keep.untilRead === true,
    },
    groups: groupsOf(given.groups, problems),
    blockMs: ms(given.block, 'block', 5_000),
    batch: count(given.batch, 'batch', 100, 1, largestBatch),
    claimAfterMs: ms(given.claimAfter, 'claimAfter', 60_000, shortestClaim),
    retry: {
      attempts: count(retry.attempts, 'retry.attempts', 3, 0, 1_000),
      delayMs,
      longestMs: Math.max(delayMs, ms(retry.max, 'retry.max', 60_000)),
    },
    deadMs: ms(dead.keep, 'deadLetters.keep', 7 * 86_400_000),
    dedupeMs: ms(given.dedupe, 'dedupe', 600_000),
  }
  return { ...settings, idempotency: idempotencyOf(given.idempotency, settings, problems, ms) }
}

/** A dash stands before a sequence; a name may hold one. */
const groupName = /^[\w.-]+$/
const startForm = /^(\$|\d+(-\d+)?)$/

function groupsOf(groups: unknown, problems: string[]): StreamSettings['groups'] {
  if (groups === undefined) return {}
  if (typeof groups !== 'object' || groups === null || Array.isArray(groups)) {
    problems.push(`groups is ${shown(groups)}; write an object such as { mailers: { start: '0' } }`)
    return {}
  }
  return Object.fromEntries(
    Object.entries(groups).map(([name, settings]: [string, unknown]) => {
      if (!groupName.test(name)) problems.push(`groups has a name that is not usable; use letters, digits, _, . and -`)
      const wrong = groupProblems(settings, `groups.${name}`, ['start'])
      problems.push(...wrong)
      const start: unknown = wrong.length === 0 ? (settings as { start?: unknown }).start : '0'
      if (start === '>') {
        problems.push(
          `groups.${name}.start is '>', which a reader says to be given what nobody has, and is no place for a group to begin; ` +
            "to begin with what is appended from now on write '$', with the oldest entry '0'",
        )
      } else if (typeof start !== 'string' || !startForm.test(start)) {
        problems.push(
          `groups.${name}.start is ${shown(start)}; write '$' for what is appended from now on, '0' for all, or the id to begin behind`,
        )
      }
      return [name, { start: String(start) }]
    }),
  )
}

function idempotencyOf(
  given: Given['idempotency'],
  settings: Omit<StreamSettings, 'idempotency'>,
  problems: string[],
  ms: (value: Duration | undefined, name: string, otherwise: number) => number,
): StreamSettings['idempotency'] {
  if (given === undefined || given === false) return undefined
  const horizon = redeliveryHorizon(settings)
  if (given === true) return { ttlMs: horizon, by: undefined }
  problems.push(...groupProblems(given, 'idempotency', ['ttl', 'by']))
  const { ttl, by } = given ?? {}
  if (by !== undefined && typeof by !== 'function') {
    problems.push(`idempotency.by is ${shown(by)}; give a function from a value to the text that names its effect`)
  }
  const ttlMs = ms(ttl, 'idempotency.ttl', horizon)
  if (ttlMs < horizon) {
    const days = Math.ceil(horizon / 86_400_000)
    problems.push(
      `idempotency.ttl is ${ttl}, and an entry may be delivered again for longer: its dead letter is kept for ` +
        `${formatDuration(settings.deadMs)} and can be sent back, after claims and retries; it would be handled a second time. ` +
        `Leave ttl out, write '${days}d', or keep dead letters for less`,
    )
  }
  return { ttlMs, by }
}

/** What `describe` prints. */
export function factsOf({ codec, keep, groups, retry, ...settings }: StreamSettings): Record<string, Json> {
  return {
    value: codec.name,
    keep: {
      entries: keep.entries ?? null,
      age: keep.ageMs === undefined ? null : formatDuration(keep.ageMs),
      untilRead: keep.untilRead,
    },
    groups: Object.fromEntries(Object.entries(groups).map(([name, { start }]) => [name, start])),
    block: formatDuration(settings.blockMs),
    batch: settings.batch,
    claimAfter: formatDuration(settings.claimAfterMs),
    retry: {
      attempts: retry.attempts,
      delay: formatDuration(retry.delayMs),
      max: formatDuration(retry.longestMs),
    },
    deadLetters: formatDuration(settings.deadMs),
    dedupe: formatDuration(settings.dedupeMs),
    idempotency: settings.idempotency === undefined ? null : formatDuration(settings.idempotency.ttlMs),
  }
}
