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
  /** The names by their count: whoever is counted goes one further, so the least count is always known. */
  const names = new Map<number, Set<string>>()
  let least = 1

  function file(name: string, count: number): void {
    const others = names.get(count)
    if (others) others.add(name)
    else names.set(count, new Set([name]))
  }

  /** A name goes one further, or another one does in its place. */
  function move(name: string, from: number, as: string): void {
    const others = names.get(from)!
    others.delete(name)
    file(as, from + 1)
    if (others.size > 0) return
    names.delete(from)
    if (from === least) least = from + 1
  }

  return {
    add(name) {
      const known = counters.get(name)
      if (known) move(name, known.count++, name)
      else if (counters.size < size) {
        counters.set(name, { count: 1, error: 0 })
        file(name, 1)
        least = 1
      } else {
        const from = least
        const rarest = names.get(from)!.values().next().value!
        counters.delete(rarest)
        counters.set(name, { count: from + 1, error: from })
        move(rarest, from, name)
      }
    },
    top: () =>
      [...counters]
        .map(([name, { count, error }]) => ({ name, count, error }))
        .sort((one, other) => other.count - one.count),
  }
}
