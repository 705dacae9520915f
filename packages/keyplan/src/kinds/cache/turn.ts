/** Looks at something of which nothing new can be heard before the next turn of the event loop; many of a turn share one. */
export interface Turn<T> {
  look(): T
  /** Something new was heard after all. */
  over(): void
}

/** So many, lest a turn that never ends looks but once. */
const looksShared = 256

export function createTurn<T>(see: () => T): Turn<T> {
  let left = 0
  let seen: T
  const over = () => {
    left = 0
  }
  return {
    look() {
      if (left > 0) {
        left--
        return seen
      }
      left = looksShared
      seen = see()
      setImmediate(over)
      return seen
    },
    over,
  }
}
