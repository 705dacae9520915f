import { createSource, type Source } from '../../mechanisms/source.ts'
import { superseded } from './acceptance.ts'
import type { Desk } from './desk.ts'
import type { Endings } from './endings.ts'
import type { Hand } from './hand.ts'
import { type Job, longRest } from './job.ts'

interface ClaimsParts {
  readonly job: Job
  readonly hand: Hand
  readonly desk: Desk
  readonly endings: Pick<Endings, 'forget'>
}

/** Renews the claims on what is in hand, and gives up handlers whose time is over. */
export function keepClaims({ job, hand, desk, endings }: ClaimsParts): Source {
  const { namespace, group, consumer, key, settings, work, steps, clock } = job
  const lease = settings.claimAfterMs
  const ordered = work.orderBy !== undefined
  const claimant = { group, consumer }

  return createSource({
    namespace,
    name: `claims of ${group}`,
    clock,
    async turn() {
      desk.enforce()
      const now = clock.now()
      const due = [...hand].filter(({ over, claimedAt }) => !over && now - claimedAt >= lease / 3)
      // Whatever became of an entry, what follows it does not wait for ever.
      const { expected } = desk.line
      if (expected.length > 0) {
        const unfinished = new Set(await steps.unfinished(undefined, key, group, expected))
        for (const id of expected) if (!unfinished.has(id)) desk.line.gone(id)
      }
      // An ordered group is held by its one worker, also while there is nothing to handle.
      if (ordered && due.length === 0) await steps.extend(undefined, key, claimant, [], ordered)
      for (let first = 0; first < due.length; first += settings.batch) {
        const part = due.slice(first, first + settings.batch)
        const at = clock.now()
        const receipts = part.map(({ given: { id, number } }) => ({ id, number }))
        const effects = part.flatMap(({ id, effect }) => (effect === undefined ? [] : { id, effect }))
        const [lost] = await Promise.all([
          steps.extend(undefined, key, claimant, receipts, ordered),
          effects.length > 0 && steps.renew(undefined, key, group, effects, work.timeoutMs + lease),
        ])
        const gone = new Set(lost)
        for (const one of part) {
          if (!gone.has(one.id)) one.claimedAt = at
          else if (hand.get(one.id) === one && !one.settling) {
            desk.abandon(one, superseded(namespace))
            endings.forget(one)
          }
        }
      }
      desk.pump()
      return Math.max(10, Math.min(lease / 6, work.timeoutMs / 10, longRest))
    },
    notify: job.notify,
  })
}
