import type { Clock } from '../base/clock.ts'

/** Counts what was written and has no answer yet. */
export interface InFlight {
  track<T>(reply: Promise<T>, failed: (error: unknown) => void): Promise<T>
  /** Resolves when nothing is, or after `ms`. */
  drained(ms: number): Promise<void>
}

export function createInFlight(clock: Clock): InFlight {
  let count = 0
  let empty: (() => void) | undefined
  function settled(): void {
    if (--count === 0) empty?.()
  }
  return {
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
