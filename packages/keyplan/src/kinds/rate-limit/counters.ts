import { keyMark } from '../../base/key-mark.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { RateLimitResult } from './contract.ts'
import { createHeavyHitters } from './heavy-hitters.ts'

/** A key that was denied often. */
export interface Limited {
  /**
   * Its parameters. Those that the namespace names in `report` have their value; any other has a mark such as `#5f2c09d1`,
   * which stands for the same value as long as this process lives, and tells nothing of it.
   */
  readonly params: Readonly<Record<string, string>>
  readonly denied: number
  /** By how much `denied` may be too high, where more keys were denied than are kept. */
  readonly error: number
}

/** What a rate limit has answered in this process since the client was opened. Looks are not counted. */
export interface RateLimitFigures {
  readonly allowed: number
  readonly denied: number
  /** Of the denied ones, those that did not ask Redis: by `near` or by a list. */
  readonly deniedNear: number
  /** Answered by `whenDown`. */
  readonly degraded: number
  /** The keys that were denied most, at most ten. */
  readonly topLimited: readonly Limited[]
}

export interface Counters {
  answered(key: string, answer: RateLimitResult): void
  deniedNear(key: string): void
  figures(): RateLimitFigures
}

const kept = 100
const shownMost = 10

export function createCounters(pattern: Pattern, report: readonly string[]): Counters {
  const counts = { allowed: 0, denied: 0, deniedNear: 0, degraded: 0 }
  const limited = createHeavyHitters(kept)
  const hashed = pattern.parts.flatMap(part => ('param' in part && part.hashed ? [part.param] : []))
  const open = new Set(report.filter(param => !hashed.includes(param)))

  return {
    answered(key, { allowed, degraded }) {
      if (allowed) counts.allowed++
      else {
        counts.denied++
        limited.add(key)
      }
      if (degraded) counts.degraded++
    },
    deniedNear(key) {
      counts.denied++
      counts.deniedNear++
      limited.add(key)
    },
    figures: () => ({
      ...counts,
      topLimited: limited
        .top()
        .slice(0, shownMost)
        .map(({ name, count, error }) => ({
          params: Object.fromEntries(
            Object.entries(pattern.match(name) ?? {}).map(([param, value]) => [
              param,
              open.has(param) ? value : keyMark(`${param}:${value}`),
            ]),
          ),
          denied: count,
          error,
        })),
    }),
  }
}
