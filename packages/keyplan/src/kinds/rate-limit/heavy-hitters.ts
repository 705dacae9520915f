/** The names that were counted most, in memory that does not grow with their number. */
export interface HeavyHitters {
  add(name: string): void
  /** Most often first. A true count lies between `count - error` and `count`. */
  top(): { readonly name: string; readonly count: number; readonly error: number }[]
}

interface Counter {
  count: number
  /** What the name may have taken over from those whose place it has. */
  error: number
}

/**
 * Every name that is more than one in `size` of all that was counted is among those that are kept.
 *
 * Source: A. Metwally, D. Agrawal and A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
 * Streams" (Space-Saving), ICDT 2005.
 */
export function createHeavyHitters(size: number): HeavyHitters {
  const counters = new Map<string, Counter>()

  function least(): [string, Counter] {
    let found: [string, Counter] | undefined
    for (const entry of counters) if (!found || entry[1].count < found[1].count) found = entry
    return found!
  }

  return {
    add(name) {
      const known = counters.get(name)
      if (known) {
        known.count++
        return
      }
      if (counters.size < size) {
        counters.set(name, { count: 1, error: 0 })
        return
      }
      const [rarest, { count }] = least()
      counters.delete(rarest)
      counters.set(name, { count: count + 1, error: count })
    },
    top: () =>
      [...counters]
        .map(([name, { count, error }]) => ({ name, count, error }))
        .sort((one, other) => other.count - one.count),
  }
}
