import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import { redis, type Whom } from './whom.ts'

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
  | {
      readonly name: 'half-open'
      readonly successes: number
      readonly probing: boolean
      /** There is a reason to believe that the server is back, and not just time that has passed. */
      hopeful: boolean
    }

export type BreakerState = State['name']

/** Leave for one try. Who has it gives one verdict at its end. */
export interface Leave {
  /** It is the one try by which a half-open breaker decides: others wait for its verdict. */
  readonly probe: boolean
  succeeded(): void
  failed(): void
  /** The link was lost under it, and under whatever else was on it: all of that is one failure. */
  lost(): void
  /** The try ended without telling anything of the server. */
  abandoned(): void
}

/** One circuit breaker: it keeps calls away from a server that does not answer. */
export interface Breaker {
  readonly state: BreakerState
  /**
   * Asks leave for one try. Half-open, one caller probes. Where the server is believed to be back, who is `patient` gets
   * a promise of the verdict, to ask again then; others are refused. Leave is only given to who is there to take it, so
   * none is ever lost.
   *
   * @throws KeyplanError BREAKER_OPEN
   */
  enter(patient: boolean): Leave | Promise<void>
  /** A link to the server was made and answered a PING: probe now instead of sitting out the interval. */
  serverIsBack(): void
}

/** More would be a queue without bound. */
const mostWaiting = 1_000

export function createBreaker(
  settings: BreakerSettings,
  clock: Clock,
  onChange: (state: BreakerState) => void,
  whom: () => Whom = () => redis,
): Breaker {
  let state: State = { name: 'closed', failures: 0 }
  let waiting: (() => void)[] = []
  let lossCounted = false

  function become(next: State): void {
    const changed = next.name !== state.name
    state = next
    const waking = waiting
    waiting = []
    for (const wake of waking) wake()
    if (changed) onChange(next.name)
  }
  const open = () => become({ name: 'open', probeAt: clock.now() + settings.probeEvery })
  const halfOpen = (hopeful: boolean, successes = 0) =>
    become({ name: 'half-open', successes, probing: false, hopeful })
  function refused(): KeyplanError {
    const { name, error: cause } = whom()
    const message = `${name} did not answer the last calls; the circuit breaker is open`
    return new KeyplanError('BREAKER_OPEN', message, { outcome: 'not-executed', cause })
  }

  /** Once it is no longer closed, what became of the calls from before says nothing new. */
  const ordinary: Leave = {
    probe: false,
    succeeded() {
      if (state.name === 'closed') state.failures = 0
    },
    failed() {
      if (state.name === 'closed' && ++state.failures >= settings.failures) open()
    },
    lost() {
      if (lossCounted) return
      lossCounted = true
      // The calls of a link end in one turn of the event loop.
      clock.after(0, () => {
        lossCounted = false
      })
      ordinary.failed()
    },
    abandoned() {},
  }

  function probe(successes: number, hopeful: boolean): Leave {
    const mine: State & { name: 'half-open' } = { name: 'half-open', successes, probing: true, hopeful }
    state = mine
    const once = (give: () => void) => () => {
      if (state === mine) give()
    }
    return {
      probe: true,
      succeeded: once(() => {
        if (successes + 1 < settings.successes) halfOpen(true, successes + 1)
        else become({ name: 'closed', failures: 0 })
      }),
      failed: once(open),
      lost: once(open),
      abandoned: once(() => halfOpen(mine.hopeful, successes)),
    }
  }

  return {
    get state() {
      return state.name
    },
    enter(patient) {
      if (state.name === 'closed') return ordinary
      if (state.name === 'open') {
        if (clock.now() < state.probeAt) throw refused()
        halfOpen(false)
      }
      const { successes, probing, hopeful } = state as State & { name: 'half-open' }
      if (!probing) return probe(successes, hopeful)
      if (!hopeful || !patient || waiting.length >= mostWaiting) throw refused()
      return new Promise<void>(resolve => waiting.push(resolve))
    },
    serverIsBack() {
      if (state.name === 'open') halfOpen(true)
      else if (state.name === 'half-open') state.hopeful = true
    },
  }
}
