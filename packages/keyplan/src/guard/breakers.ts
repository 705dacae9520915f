import type { Clock } from '../base/clock.ts'
import { type Breaker, type BreakerSettings, type BreakerState, createBreaker } from './breaker.ts'
import { redis, type Whom } from './whom.ts'

/** One circuit breaker for each server: one that does not answer keeps nobody from the others. */
export interface Breakers {
  of(lane: string): Breaker
  /** The worst of all. */
  readonly state: BreakerState
}

const severity: readonly BreakerState[] = ['closed', 'half-open', 'open']

export function createBreakers(
  settings: BreakerSettings,
  clock: Clock,
  onChange: (lane: string, state: BreakerState) => void,
  whom: (lane: string) => Whom = () => redis,
): Breakers {
  const all = new Map<string, Breaker>()
  return {
    of(lane) {
      let breaker = all.get(lane)
      if (!breaker) {
        breaker = createBreaker(
          settings,
          clock,
          state => onChange(lane, state),
          () => whom(lane),
        )
        all.set(lane, breaker)
      }
      return breaker
    },
    get state() {
      let worst = 0
      for (const { state } of all.values()) worst = Math.max(worst, severity.indexOf(state))
      return severity[worst]!
    },
  }
}
