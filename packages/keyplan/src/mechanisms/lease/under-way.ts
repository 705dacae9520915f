import type { Clock } from '../../base/clock.ts'

/** Counts what is under way, for whoever has to wait for the end of it. */
export interface UnderWay {
  begin(): void
  end(): void
  /** Resolves as soon as nothing is, at the latest after `ms`. */
  over(ms: number): Promise<void>
}

export function createUnderWay(clock: Clock): UnderWay {
  let count = 0
  let tell: (() => void) | undefined
  return {
    begin() {
      count++
    },
    end() {
      if (--count === 0) tell?.()
    },
    over: ms =>
      new Promise(resolve => {
        if (count === 0) return resolve()
        const timer = clock.after(ms, resolve, true)
        tell = () => {
          timer.cancel()
          resolve()
        }
      }),
  }
}
