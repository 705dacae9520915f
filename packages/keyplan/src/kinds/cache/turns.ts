/** Runs so many at once; further ones take turns, in order. */
export interface Turns {
  take<T>(work: () => Promise<T>): Promise<T>
}

export function createTurns(atOnce: number): Turns {
  const waiting: (() => void)[] = []
  let running = 0

  /** The next in line takes over the place, so that nobody slips in between. */
  function pass(): void {
    const next = waiting.shift()
    if (next) next()
    else running--
  }

  return {
    async take(work) {
      if (running < atOnce) running++
      else await new Promise<void>(resolve => waiting.push(resolve))
      try {
        return await work()
      } finally {
        pass()
      }
    },
  }
}
