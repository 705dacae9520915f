import { collect } from '../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type Size, sizeBytes } from '../../base/size.ts'

/** How much a log keeps: so many entries, as long as this, or whichever of them comes first. The newest always stays. */
export type Keep = number | Duration | { count?: number; age?: Duration; bytes?: Size }

/** What becomes of a log with each entry. 0 stands for no bound. */
export interface LogTerms {
  readonly count: number
  readonly ageMs: number
  /** Of the values. */
  readonly bytes: number
  /** How long the whole lives after an entry; after its first where `renew` is false. */
  readonly ttlMs: number
  readonly renew: boolean
}

const unbounded = { count: 0, ageMs: 0, bytes: 0 }

/** Adds what is wrong with it to `problems`. */
export function boundsOf(keep: Keep, name: string, problems: string[]): Pick<LogTerms, 'count' | 'ageMs' | 'bytes'> {
  if (typeof keep === 'number') return { ...unbounded, count: countOf(keep, name, problems) }
  if (typeof keep === 'string') return { ...unbounded, ageMs: ageOf(keep, name, problems) }
  const wrong = groupProblems(keep, name, ['count', 'age', 'bytes'])
  problems.push(...wrong)
  if (wrong.length > 0) return unbounded
  const { count, age, bytes } = keep
  if (count === undefined && age === undefined && bytes === undefined) {
    problems.push(`${name} bounds nothing; give a count, an age or bytes`)
  }
  return {
    count: count === undefined ? 0 : countOf(count, `${name}.count`, problems),
    ageMs: age === undefined ? 0 : ageOf(age, `${name}.age`, problems),
    bytes: bytes === undefined ? 0 : collect(problems, () => sizeBytes(bytes, `${name}.bytes`, shown), 0),
  }
}

const ageOf = (age: Duration, name: string, problems: string[]) =>
  collect(problems, () => durationMs(age, name, shown), 0)

function countOf(count: number, name: string, problems: string[]): number {
  if (Number.isSafeInteger(count) && count >= 1 && count <= 10_000_000) return count
  problems.push(`${name} is ${shown(count)}; give a whole number from 1 to 10000000, or a length of time such as '1h'`)
  return 0
}

/** For `describe`. */
export function keepFacts({ count, ageMs, bytes }: Pick<LogTerms, 'count' | 'ageMs' | 'bytes'>): Json {
  return { count: count || null, age: ageMs ? formatDuration(ageMs) : null, bytes: bytes || null }
}
