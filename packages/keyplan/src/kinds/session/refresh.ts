import type { Guarded } from '../../guard/guarded.ts'
import type { Found } from './access.ts'
import { attempt } from './attempt.ts'
import type { SessionSettings } from './settings.ts'
import type { SessionStore } from './store.ts'
import { lifetimesKept, type UserLists } from './user-lists.ts'

/** Keeps the lists of users true while their sessions are used. */
export interface Refresh {
  /** The use of a session was just noted. */
  used(found: Found): void
  /** A session was saved, which is use as well. `before` is when it was last seen. */
  saved(found: Found, before: number): void
  /** Resolves when nothing of it is under way. */
  settled(): Promise<void>
}

interface RefreshParts {
  readonly settings: Pick<SessionSettings, 'ttlMs' | 'absoluteMs' | 'touchEveryMs' | 'perUser'>
  readonly steps: Pick<Guarded<SessionStore>, 'prolong'>
  readonly note: UserLists['note']
  readonly time: (key: string) => number
}

/**
 * A session may live only as long as its user's list is sure to have it (`until`). Behind every use that is noted, at most once in
 * `touchEvery`, its key is put on the list anew, which also heals a list that was lost; and when a fourth of that time is over,
 * `until` moves on. What fails is done again behind the next use. Saves leave nothing for a touch to note where they follow
 * each other faster than that, so they look at `until` themselves.
 */
export function createRefresh({ settings, steps, note, time }: RefreshParts): Refresh {
  const underWay = new Set<Promise<void>>()
  const { ttlMs, absoluteMs, touchEveryMs, perUser } = settings
  const isDue = ({ seen, until, created }: Found['record']) =>
    until < created + absoluteMs && until - seen < (lifetimesKept - 0.5) * ttlMs

  async function renew({ key, record }: Found, user: string): Promise<void> {
    const end = Math.min(record.created + absoluteMs, Number.MAX_SAFE_INTEGER)
    const { until } = await note(user, key, end)
    if (until - record.until > ttlMs / 2) await steps.prolong(undefined, key, ttlMs, until)
  }

  function used(found: Found): void {
    const { user, until, created } = found.record
    if (user === undefined || perUser === undefined || time(found.key) >= Math.min(until, created + absoluteMs)) return
    const work = attempt(renew(found, user)).finally(() => underWay.delete(work))
    underWay.add(work)
  }

  return {
    used,
    saved(found, before) {
      if (found.record.seen - before >= touchEveryMs || isDue(found.record)) used(found)
    },
    async settled() {
      await Promise.all(underWay)
    },
  }
}
