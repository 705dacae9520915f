import { KeyplanError } from '../../base/error.ts'
import type { Source } from '../../mechanisms/source.ts'
import { vanished } from './cause.ts'
import type { Counts } from './counts.ts'
import type { LostEntry, Taken } from './delivery.ts'
import type { Desk } from './desk.ts'
import type { Endings } from './endings.ts'
import type { Hand } from './hand.ts'
import { Held } from './held.ts'
import { createIntake } from './intake.ts'
import type { Job } from './job.ts'
import type { Settlement } from './settlement.ts'

/** Takes in hand what the server gave, and tells what is lost. */
export interface Acceptance {
  /** @param at reading of the clock before it was asked for */
  accept(taken: Taken, at: number): Promise<void>
  lose(entries: readonly LostEntry[]): void
  /** From now on what comes is given back. */
  stop(): void
}

interface AcceptanceParts {
  readonly job: Job
  readonly hand: Hand
  readonly counts: Counts
  readonly desk: Desk
  readonly endings: Endings
  readonly settlement: Settlement
  gap: Source['gap']
}

/** Whoever has an effect for another entry may take as long as a handler may; it is asked again in between. */
const busyFor = 1_000

export const superseded = (namespace: string) =>
  new KeyplanError('ABORTED', 'The entry was given to another worker', { namespace, operation: 'work' })

export function createAcceptance(parts: AcceptanceParts): Acceptance {
  const { job, hand, counts, desk, endings, settlement, gap } = parts
  const { namespace, group, key, settings, work, steps } = job
  const read = createIntake(settings, work)
  let stopped = false

  function lose(entries: readonly LostEntry[]): void {
    if (entries.length === 0) return
    counts.lost += entries.length
    for (const { id } of entries) desk.line.gone(id)
    for (const reason of ['trimmed', 'deleted'] as const) {
      const ids = entries.filter(entry => entry.reason === reason).map(({ id }) => id)
      if (ids.length > 0) gap({ reason, group, count: ids.length, ids })
    }
  }

  function tell({ lost, missed, recreated }: Taken): void {
    if (recreated) {
      gap({ ...recreated, group })
      counts.missed += recreated.missed ?? 0
    }
    if (missed > 0) {
      counts.missed += missed
      gap({ reason: 'missed', group, count: missed })
    }
    lose(lost)
  }

  function takeInHand({ deliveries }: Taken, at: number): Held[] {
    const fresh: Held[] = []
    counts.delivered += deliveries.length
    for (const given of deliveries) {
      if (given.number > 1) counts.redelivered++
      if (given.suspect) counts.reclaimed++
      const known = hand.get(given.id)
      if (known) {
        desk.abandon(known, superseded(namespace), true)
        endings.forget(known)
      }
      const reading = given.exhausted ? { cause: given.cause ?? vanished(given.number) } : read(given)
      if ('cause' in reading) endings.giveUp(given, reading.cause)
      else {
        const one = new Held(given, reading.value, reading.order, reading.effect, at)
        hand.put(one)
        fresh.push(one)
      }
    }
    return fresh
  }

  /** Those that are to be handled: now, or when they come back. */
  async function unhandled(fresh: readonly Held[]): Promise<Held[]> {
    const claims = fresh.map(({ id, effect }) => ({ id, effect: effect! }))
    try {
      const standings = await steps.claim(undefined, key, group, claims, work.timeoutMs + settings.claimAfterMs)
      return fresh.filter((one, index) => {
        if (standings[index] === 'done') {
          counts.skipped++
          one.settling = true
          settlement.done(one)
          desk.line.gone(one.id)
        } else if (standings[index] === 'busy') endings.giveBack(one, busyFor)
        return standings[index] !== 'done'
      })
    } catch (error) {
      for (const one of fresh) {
        endings.giveBack(one, 0)
        desk.add(one)
      }
      throw error
    }
  }

  return {
    lose,
    async accept(taken, at) {
      tell(taken)
      let fresh = takeInHand(taken, at)
      if (settings.idempotency && fresh.length > 0) fresh = await unhandled(fresh)
      for (const one of fresh) {
        if (stopped && !one.settling) endings.giveBack(one, 0)
        if (!stopped) desk.add(one)
      }
      desk.pump()
    },
    stop() {
      stopped = true
    },
  }
}
