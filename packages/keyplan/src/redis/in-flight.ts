import type { Clock } from '../base/clock.ts'

/** Counts what was written and has no answer yet. */
export interface InFlight {
  readonly count: number
  track<T>(reply: Promise<T>, failed: (error: unknown) => void): Promise<T>
  /** Resolves when nothing is, or after `ms`. */
  drained(ms: number): Promise<void>
}

/** @param onSettled is told after each answer */
export function createInFlight(clock: Clock, onSettled: () => void): InFlight {
  let count = 0
  let empty: (() => void) | undefined
  function settled(): void {
    if (--count === 0) empty?.()
    onSettled()
  }
  return {
    get count() {
      return count
    },
    track(reply, failed) {
      count++
      reply.then(settled, error => {
        settled()
        failed(error)
      })
      return reply
    },
    drained: ms =>
      new Promise(resolve => {
        if (count === 0) return resolve()
        const timer = clock.after(ms, resolve, true)
        empty = () => {
          timer.cancel()
          resolve()
        }
      }),
  }
}
