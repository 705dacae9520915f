import { errorOf, inFull } from '../../base/thrown.ts'
import { causeOf } from './cause.ts'
import type { Counts } from './counts.ts'
import type { Cause, Delivery } from './delivery.ts'
import type { Desk, Ending } from './desk.ts'
import type { Hand } from './hand.ts'
import { Held } from './held.ts'
import type { Job } from './job.ts'
import { backoffOf, mostDeliveries } from './settings.ts'
import type { Settlement } from './settlement.ts'

/** What becomes of deliveries: done, tried again later, given up, or given back. */
export interface Endings {
  ended(held: Held, ending: Ending): void
  /** As if it had not been given: others may have it after so long. */
  giveBack(held: Held, delayMs: number): void
  /** It cannot be handled, now or later. */
  giveUp(given: Delivery, cause: Cause): void
  /** It is in hand no more. */
  forget(held: Held): void
}

interface EndingsParts {
  readonly job: Pick<Job, 'group' | 'workerName' | 'settings' | 'clock' | 'tell'>
  readonly hand: Hand
  readonly counts: Counts
  readonly settlement: Settlement
  readonly line: Desk['line']
  /** There may be more to take. */
  ring(): void
}

/** Beyond these, what was handled and cannot be acknowledged holds up what is new. */
export const mostUnsettled = 5_000

export function createEndings({ job, hand, counts, settlement, line, ring }: EndingsParts): Endings {
  const { group, workerName: source, settings, clock, tell } = job
  const most = mostDeliveries(settings)

  function forget(one: Held): void {
    if (!hand.drop(one)) return
    if (one.given.suspect || settlement.size > mostUnsettled / 2) ring()
  }

  /** What follows it need not wait once it is known to be gone. */
  function bury(one: Held, cause: Cause): void {
    const { id, number, value, origin } = one.given
    settlement.bury({ id, number, value, origin, effect: one.effect, cause }, isBuried => {
      if (isBuried) {
        counts.buried++
        const { name, message } = cause
        const told = { source, id, deliveries: number, cause: { name, message } }
        tell({ type: 'dead-letter', ...told }, `${group} has given up an entry after ${number} deliveries: ${name}`)
      }
      forget(one)
      line.gone(id)
    })
  }

  /** It comes back, unless another has it. */
  function postpone(one: Held, counted: number, delayMs: number, cause: Cause | undefined, then = () => {}): void {
    const { id, number } = one.given
    settlement.postpone({ id, number, counted, delayMs, cause }, isPostponed => {
      forget(one)
      if (!isPostponed) line.gone(id)
      then()
    })
  }

  return {
    ended(one, ending) {
      one.settling = true
      if (ending === undefined) {
        counts.handled++
        settlement.done(one)
        line.ended(one, false)
        return
      }
      counts.failed++
      const error = errorOf(ending.thrown)
      tell({ type: 'handler-failed', source, error }, `a handler of ${group} failed: ${inFull(ending.thrown)}`)
      const cause = causeOf(ending.thrown)
      const { number } = one.given
      line.ended(one, true)
      if (number >= most) {
        bury(one, cause)
        return
      }
      counts.retried++
      const delayMs = backoffOf(settings, number) * (0.8 + 0.4 * Math.random())
      postpone(one, number, delayMs, cause, ring)
    },
    giveBack(one, delayMs) {
      const { number, cause } = one.given
      one.settling = true
      postpone(one, number - 1, delayMs, cause)
    },
    giveUp(given, cause) {
      const one = new Held(given, undefined, undefined, undefined, clock.now())
      one.settling = true
      hand.put(one)
      bury(one, cause)
    },
    forget,
  }
}
