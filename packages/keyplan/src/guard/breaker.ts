import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'

export interface BreakerSettings {
  /** Link failures in a row that open it. */
  readonly failures: number
  /** Successes in a row that close it again. */
  readonly successes: number
  /** Longest time in milliseconds between two probes while it is open. */
  readonly probeEvery: number
}

type State =
  | { readonly name: 'closed'; failures: number }
  | { readonly name: 'open'; readonly probeAt: number }
  | { readonly name: 'half-open'; successes: number; probing: boolean }

/** One circuit breaker: it keeps calls away from a server that does not answer. */
export interface Breaker {
  readonly state: State['name']
  /**
   * Asks leave for one try. Half-open, one caller probes; others wait for its verdict if `patient`, and are refused
   * otherwise.
   *
   * @throws KeyplanError BREAKER_OPEN
   */
  enter(patient: boolean): void | Promise<void>
  succeeded(): void
  failed(): void
  /** The try ended without telling anything of the server. */
  abandoned(): void
  /** A link to the server was made and answered a PING: probe now instead of sitting out the interval. */
  serverIsBack(): void
}

export function createBreaker(
  settings: BreakerSettings,
  clock: Clock,
  onChange: (state: State['name']) => void,
): Breaker {
  let state: State = { name: 'closed', failures: 0 }
  let verdicts: (() => void)[] = []

  function become(next: State): void {
    const changed = next.name !== state.name
    state = next
    const waiting = verdicts
    verdicts = []
    for (const wake of waiting) wake()
    if (changed) onChange(next.name)
  }
  const halfOpen = () => become({ name: 'half-open', successes: 0, probing: false })
  const refused = () =>
    new KeyplanError('BREAKER_OPEN', 'Redis did not answer the last calls; the circuit breaker is open', {
      outcome: 'not-executed',
    })

  function enter(patient: boolean): void | Promise<void> {
    if (state.name === 'closed') return
    if (state.name === 'open') {
      if (clock.now() < state.probeAt) throw refused()
      halfOpen()
    }
    if (state.name === 'half-open' && state.probing) {
      if (!patient) throw refused()
      return new Promise<void>(resolve => verdicts.push(resolve)).then(() => enter(patient))
    }
    if (state.name === 'half-open') state.probing = true
  }

  return {
    get state() {
      return state.name
    },
    enter,
    succeeded() {
      if (state.name === 'closed') state.failures = 0
      else if (state.name === 'half-open') {
        const successes = state.successes + 1
        if (successes >= settings.successes) become({ name: 'closed', failures: 0 })
        else become({ name: 'half-open', successes, probing: false })
      }
    },
    failed() {
      if (state.name === 'closed' && ++state.failures < settings.failures) return
      if (state.name !== 'open') become({ name: 'open', probeAt: clock.now() + settings.probeEvery })
    },
    abandoned() {
      if (state.name === 'half-open') become({ ...state, probing: false })
    },
    serverIsBack() {
      if (state.name === 'open') halfOpen()
    },
  }
}
