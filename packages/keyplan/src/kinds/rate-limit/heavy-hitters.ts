/** The names that were counted most, in memory that does not grow with their number. */
export interface HeavyHitters {
  add(name: string): void
  /** Most often first. A true count lies between `count - error` and `count`. */
  top(): { readonly name: string; readonly count: number; readonly error: number }[]
}

interface Counter {
  name: string
  count: number
  /** What the name may have taken over from those whose place it has. */
  error: number
}

/**
 * Every name that is more than one in `size` of all that was counted is among those that are kept: a name that is not takes
 * the place and the count of the one that was counted least.
 *
 * Source: A. Metwally, D. Agrawal and A. El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
 * Streams" (Space-Saving), ICDT 2005. Theirs keeps the counters in order; here a hand goes round them and looks for the least
 * count, which only grows, so that a name that is kept is counted by one addition.
 */
export function createHeavyHitters(size: number): HeavyHitters {
  const counters = new Map<string, Counter>()
  const ring: Counter[] = []
  let hand = 0
  let least = 1

  function rarest(): Counter {
    for (let seen = 0; seen < size; seen++) {
      hand = hand + 1 < size ? hand + 1 : 0
      if (ring[hand]!.count === least) return ring[hand]!
    }
    least = ring.reduce((low, { count }) => Math.min(low, count), Number.POSITIVE_INFINITY)
    return rarest()
  }

  return {
    add(name) {
      const known = counters.get(name)
      if (known) {
        known.count++
      } else if (ring.length < size) {
        const counter = { name, count: 1, error: 0 }
        ring.push(counter)
        counters.set(name, counter)
      } else {
        const counter = rarest()
        counters.delete(counter.name)
        counter.name = name
        counter.error = counter.count++
        counters.set(name, counter)
      }
    },
    top: () =>
      ring.map(({ name, count, error }) => ({ name, count, error })).sort((one, other) => other.count - one.count),
  }
}
