import type { Clock } from '../../base/clock.ts'

/** A look at the clock costs as much as the rest of a hit, so this many in a turn of the event loop share one. */
const looksShared = 256

/** The time, as of a moment of this turn of the event loop: what could have been heard meanwhile is not heard before the next. */
export function createTurnClock({ now }: Pick<Clock, 'now'>): () => number {
  let left = 0
  let time = 0
  const forget = () => {
    left = 0
  }
  return () => {
    if (left-- > 0) return time
    if (left < 0) setImmediate(forget)
    left = looksShared
    time = now()
    return time
  }
}
