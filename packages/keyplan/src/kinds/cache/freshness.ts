import type { Marks } from '../../base/codec/headed.ts'
import type { CacheSettings } from './settings.ts'

/** What a value's age makes of it: `due` is fresh, and to be loaded anew in the background. */
export type Age = 'fresh' | 'due' | 'stale'

/** How long values are fresh, how long they are kept beyond that, and when they are loaded anew. */
export interface Freshness {
  /** How long the server keeps a value that is fresh for so long. */
  keptFor(ttlMs: number): number
  /** What a value says of its age. `loadMs` is how long its load took. */
  marks(ttlMs: number, loadMs: number | undefined): Marks
  age(marks: Marks): Age
  /** Whether a stale value is to be served at once, and loaded anew in the background. */
  revalidates(marks: Marks): boolean
}

/**
 * Ages are judged by the clock of the process that reads: where that differs from the writer's, by so much. The server's
 * own time to live bounds what that can do.
 *
 * @param chance from 0 to 1, as `Math.random`
 */
export function createFreshness(settings: CacheSettings, wall: () => number, chance = Math.random): Freshness {
  const { staleWhileRevalidateMs, staleIfErrorMs, earlyRefresh } = settings
  const staleFor = Math.max(staleWhileRevalidateMs, staleIfErrorMs)

  /** XFetch: the expiry comes earlier by an exponentially distributed time whose mean is what a load takes. */
  const isDue = ({ dueAt, loadMs, freshUntil }: Marks, now: number) => {
    if (earlyRefresh === 'xfetch') return loadMs !== undefined && now - loadMs * Math.log(1 - chance()) >= freshUntil!
    return dueAt !== undefined && now >= dueAt
  }

  return {
    keptFor: ttlMs => ttlMs + staleFor,
    marks(ttlMs, loadMs) {
      if (staleFor === 0 && earlyRefresh === undefined) return {}
      const now = wall()
      return {
        freshUntil: now + ttlMs,
        ...(typeof earlyRefresh === 'number' && { dueAt: now + ttlMs * earlyRefresh }),
        ...(earlyRefresh === 'xfetch' && { loadMs }),
      }
    },
    age(marks) {
      if (marks.freshUntil === undefined) return 'fresh'
      const now = wall()
      if (now >= marks.freshUntil) return 'stale'
      return isDue(marks, now) ? 'due' : 'fresh'
    },
    revalidates: ({ freshUntil = 0 }) => wall() < freshUntil + staleWhileRevalidateMs,
  }
}
