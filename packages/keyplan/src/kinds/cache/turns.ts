import type { Clock } from '../../base/clock.ts'

/** Runs so many at once; further ones take turns, in order. */
export interface Turns {
  /** Those of one party share a turn. */
  take<T>(work: () => Promise<T>, party?: object): Promise<T>
}

interface Turn {
  readonly begun: Promise<void>
  works: number
}

/** @param patience how long, in milliseconds, one keeps the others waiting: it might never end */
export function createTurns(atOnce: number, patience: number, clock: Clock): Turns {
  const parties = new Map<object, Turn>()
  const waiting: (() => void)[] = []
  let running = 0

  /** The next in line takes over the place, so that nobody slips in between. */
  function pass(): void {
    const next = waiting.shift()
    if (next) next()
    else running--
  }

  function open(party: object): Turn {
    const turn = { begun: begin(), works: 0 }
    parties.set(party, turn)
    return turn
  }

  async function begin(): Promise<void> {
    if (running < atOnce) running++
    else await new Promise<void>(resolve => waiting.push(resolve))
  }

  return {
    async take(work, party = work) {
      const turn = parties.get(party) ?? open(party)
      turn.works++
      await turn.begun
      let left = false
      const leave = () => {
        timer?.cancel()
        if (left) return
        left = true
        turn.works--
        if (turn.works > 0) return
        parties.delete(party)
        pass()
      }
      const timer = patience === Number.POSITIVE_INFINITY ? undefined : clock.after(patience, leave)
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
