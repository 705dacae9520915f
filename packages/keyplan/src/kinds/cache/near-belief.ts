import type { Clock } from '../../base/clock.ts'
import type { Tracking } from '../../redis/redis.ts'
import type { Server, Surroundings } from '../kind.ts'
import type { Freshness } from './freshness.ts'
import type { Copy } from './near-copy.ts'
import type { CacheSettings } from './settings.ts'
import { createTurn } from './turn.ts'

/** Whether a copy may be believed: what Redis tells of changes (see `Tracking`), and how long it may be kept. */
export interface NearBelief {
  believes(copy: Copy): boolean
  /** What vouches for a value of the key and its tags now; undefined while changes are not heard. */
  markOf(key: string, tags: readonly string[]): number | undefined
  /** How long a copy may be kept, in milliseconds; 0 for not at all. */
  lifetimeOf(key: string, tags: readonly string[], mark: number | undefined, isNone: boolean): number
  /** What was looked at in this turn of the event loop is looked at anew. */
  changed(): void
}

interface BeliefParts {
  readonly settings: CacheSettings
  readonly near: NonNullable<CacheSettings['near']>
  readonly freshness: Freshness
  readonly lane: Server['lane']
  readonly tracking: () => Tracking
  readonly clock: Clock
}

/** Says once for a namespace that its copies are short-lived, and why. */
export function untrackedNotice({ name, notify }: Pick<Surroundings, 'name' | 'notify'>) {
  let said = false
  return ({ message }: Error) => {
    if (said) return
    said = true
    const warning = `${name} keeps copies for ${untrackedMs} ms at most: ${message}`
    notify({ type: 'near-untracked', namespace: name, warning })
  }
}

/** How long a copy is believed where nothing tells of changes, at most. */
const untrackedMs = 1_000

/**
 * A copy is believed while its server's changes have been heard without a gap since before it was read, and it is fresh.
 *
 * @param tracking is asked for at the first use: it may tell of changes before it is known itself
 */
export function createBelief({ settings, near, freshness, lane, tracking, clock }: BeliefParts): NearBelief {
  /** What a hit looks at. The mark is that of all keys, where one server has them. */
  const turn = createTurn(() => {
    const now = clock.now()
    return { now, mark: lane ? undefined : tracking().mark('', now) }
  })

  /** On a cluster the servers that have the tags have to be heard as well. Marks only grow: the latest stands for all. */
  function markOf(key: string, tags: readonly string[], at?: number): number | undefined {
    let mark = tracking().mark(key, at)
    for (const tag of lane ? tags : []) {
      const other = tracking().mark(tag, at)
      mark = mark && other && Math.max(mark, other)
    }
    return mark
  }

  /** Whether all that cannot be heard is not told at all. */
  function isDenied(key: string, tags: readonly string[]): boolean {
    const isAnswered = (name: string) => tracking().mark(name) !== undefined || tracking().denial(name) !== undefined
    return isAnswered(key) && (!lane || tags.every(isAnswered))
  }

  function isHeard({ key, mark, tags }: Copy): boolean {
    const { now, mark: common } = turn.look()
    const present = lane ? markOf(key, tags, now) : common
    return present === mark && (mark !== undefined || isDenied(key, tags))
  }

  return {
    believes(copy) {
      if (copy.gone || turn.look().now >= copy.until || !isHeard(copy)) return false
      const age = freshness.age(copy.marks)
      if (age === 'fresh') return true
      copy.due = age === 'due'
      return false
    },
    markOf,
    lifetimeOf(key, tags, mark, isNone) {
      const ms = isNone ? Math.min(near.ttlMs, settings.negativeTtlMs) : near.ttlMs
      if (mark !== undefined) return ms
      return isDenied(key, tags) ? Math.min(ms, untrackedMs) : 0
    },
    changed: turn.over,
  }
}
