import { createRecent } from './recent.ts'

/**
 * The count of a namespace's invalidations, and what was deleted lately, in this process. It may forget what was
 * deleted, but knows since when it remembers.
 */
export interface Traces {
  readonly count: number
  add(keys: readonly string[]): void
  /** Nothing that began before is untouched. */
  forget(): void
  /** Whether certainly nothing happened to the key since the count was `seen`. */
  untouched(key: string, seen: number): boolean
}

export function createTraces(most: number): Traces {
  let count = 0
  let forgotten = 0
  /** In the order of their counts. */
  const deleted = createRecent<number>(most, at => {
    forgotten = at
  })

  return {
    get count() {
      return count
    },
    add(keys) {
      count++
      for (const key of keys) deleted.set(key, count)
    },
    forget() {
      forgotten = ++count
      deleted.clear()
    },
    untouched: (key, seen) => forgotten <= seen && (deleted.get(key) ?? 0) <= seen,
  }
}
