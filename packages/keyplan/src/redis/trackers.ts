import { surfacing } from '../base/surfacing.ts'
import type { Tracker, TrackingChange } from './redis.ts'

/** Who wants to hear of changed keys, whichever server they are on. */
export interface Trackers {
  /** What is to be tracked, none of it twice: no prefix begins with another. Empty when nobody tracks. */
  readonly prefixes: readonly string[]
  /** @returns what ends it */
  add(prefixes: readonly string[], tracker: Tracker): () => void
  /** Calls back whenever `prefixes` may have changed. */
  watch(changed: () => void): () => void
  /** A number above all that were given before. */
  next(): number
  invalidated(keys: readonly string[] | null, lane: string): void
  changed(change: TrackingChange): void
}

interface Added {
  readonly prefixes: readonly string[]
  readonly tracker: Tracker
}

export function createTrackers(): Trackers {
  const added = new Set<Added>()
  const watchers = new Set<() => void>()
  let prefixes: readonly string[] = []
  let last = 0

  function wanted(by: readonly Added[]): void {
    prefixes = disjoint(by.flatMap(one => one.prefixes))
    for (const watcher of watchers) watcher()
  }

  return {
    get prefixes() {
      return prefixes
    },
    add(own, tracker) {
      const one = { prefixes: own, tracker }
      // What ends for the sake of a newcomer never began for it.
      wanted([...added, one])
      added.add(one)
      return () => {
        if (added.delete(one)) wanted([...added])
      }
    },
    watch(watcher) {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    next: () => ++last,
    invalidated(keys, lane) {
      for (const { prefixes: own, tracker } of added) {
        const told = keys?.filter(key => own.some(prefix => key.startsWith(prefix))) ?? null
        if (told === null || told.length > 0) surfacing(() => tracker.invalidated(told, lane))
      }
    },
    changed(change) {
      for (const { tracker } of added) surfacing(() => tracker.changed?.(change))
    },
  }
}

/** Whether all keys under `wanted` are under `tracked`. */
export function covers(tracked: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every(prefix => tracked.some(shorter => prefix.startsWith(shorter)))
}

/** Without those that begin with another: Redis refuses a client that tracks a key twice. */
function disjoint(prefixes: readonly string[]): string[] {
  const kept: string[] = []
  // In this order the ones that begin with another come right behind it.
  for (const prefix of [...prefixes].sort()) {
    const before = kept.at(-1)
    if (before === undefined || !prefix.startsWith(before)) kept.push(prefix)
  }
  return kept
}
