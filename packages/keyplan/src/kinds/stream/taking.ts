import type { Turn } from '../../mechanisms/source.ts'
import type { Acceptance } from './acceptance.ts'
import type { Taken } from './delivery.ts'
import type { Desk } from './desk.ts'
import { mostUnsettled } from './endings.ts'
import type { Hand } from './hand.ts'
import { type Job, longRest } from './job.ts'
import type { Settlement } from './settlement.ts'

/** Asks for entries, as many as there is room for, and waits where there are none. */
export interface Taking {
  turn(turn: Turn): Promise<number | undefined>
  /** Resolves when what was asked for has come, or at the signal. */
  finish(late: AbortSignal): Promise<void>
}

interface TakingParts {
  readonly job: Job
  readonly hand: Hand
  readonly desk: Desk
  readonly settlement: Settlement
  readonly acceptance: Pick<Acceptance, 'accept'>
  /** False while it is paused, and once it closes. */
  isOpen(): boolean
}

interface Asked {
  readonly fresh: number
  readonly due: number
  readonly taken: Taken
}

/** Takes that are under way while what came before is handled: one that the server works on, and one that follows. */
const mostAhead = 2

/** While a suspect is at hand it is looked for new entries this often, in place of a wait for them. */
const besideSuspect = 100

export function createTaking({ job, hand, desk, settlement, acceptance, isOpen }: TakingParts): Taking {
  const { key, group, consumer, settings, work, steps, clock, wait } = job
  const ordered = work.orderBy !== undefined
  const capacity = work.concurrency * (work.batch ?? 1) + work.prefetch
  /** Each takes in hand what it brings when it comes, whether or not a turn waits for it. */
  const ahead: Promise<Asked>[] = []
  /** The take before brought something. */
  let gave = false
  /** What a take gave out may not have come here. */
  let isDoubtful = false
  /** How far the group was, for all this worker knows. */
  let known: string | undefined

  /** Else what comes next would be handled before it. */
  function reclaim(): Promise<void> {
    const ids = [...hand].map(({ id }) => id)
    return steps.reclaim(undefined, key, { group, consumer }, ids)
  }

  async function ask(fresh: number, due: number): Promise<Asked> {
    const at = clock.now()
    const suspects = hand.suspects > 0 ? 0 : 1
    if (ordered && isDoubtful) await reclaim()
    isDoubtful = true
    const taken = await steps.take(undefined, key, { group, consumer, known, fresh, due, suspects, ordered })
    isDoubtful = false
    if (taken.standby === undefined) known = taken.last
    const isOutrun = isIdle() && gave
    gave = taken.deliveries.length > 0
    if (taken.more && isOutrun && isOpen()) askAhead()
    await acceptance.accept(taken, at)
    return { fresh, due, taken }
  }

  /**
   * All that came before is handled. Where it was much, handlers are faster than what they handle comes, and each trip is
   * time in which they have nothing to do.
   */
  const isIdle = () => !ordered && desk.active + desk.line.ready === 0 && settlement.size < mostUnsettled

  function askAhead(): void {
    const fresh = Math.min(work.prefetch, settings.batch)
    while (fresh > 0 && ahead.length < mostAhead) {
      const asked = ask(fresh, 0)
      asked.catch(() => {})
      ahead.push(asked)
    }
  }

  /** Undefined when there is no room for any. */
  function askForRoom(): Promise<Asked> | undefined {
    const room = capacity - desk.active - desk.line.ready - desk.line.waiting
    const isFull = settlement.size >= mostUnsettled
    // With one place at a time, each entry would cost a trip.
    const isWorthIt = desk.line.ready === 0 || room >= capacity / 2
    const fresh = isFull || !isWorthIt ? 0 : Math.max(0, Math.min(room, settings.batch))
    // What failed comes before what waits for it.
    const due = isFull ? 0 : Math.max(fresh, ordered ? Math.min(desk.idle, settings.batch) : 0)
    return due === 0 ? undefined : ask(fresh, due)
  }

  return {
    async turn({ signal, well }) {
      const asked = ahead.shift() ?? askForRoom()
      if (!asked) return longRest
      const { fresh, due, taken } = await asked
      well()
      const { deliveries, lost, more, dueIn, last, standby } = taken
      const isEmpty = deliveries.length + lost.length === 0
      if (standby !== undefined) return Math.min(standby + 1, longRest)
      // It is due and may not be had yet: a suspect is at hand, and rings when it is done with.
      if (due > 0 && dueIn === 0 && isEmpty) return longRest
      if (fresh === 0) return isEmpty ? Math.min(dueIn ?? longRest, longRest) : undefined
      if (more || dueIn === 0 || lost.length > 0 || ahead.length > 0) return undefined
      // What is at hand may fail meanwhile, and be due before the wait is over.
      const longest = hand.size > 0 ? Math.min(settings.blockMs, settings.retry.delayMs) : settings.blockMs
      const ms = Math.max(1, Math.min(longest, dueIn ?? longest))
      // The next suspect may be had as soon as this one has ended, which a rest is told of, and a wait is not.
      if (hand.suspects > 0) return Math.min(ms, besideSuspect)
      await wait(key, last, ms, signal)
      return undefined
    },
    async finish(late) {
      const lateNow = new Promise<void>(resolve => {
        if (late.aborted) resolve()
        late.addEventListener('abort', () => resolve(), { once: true })
      })
      await Promise.race([Promise.allSettled(ahead), lateNow])
    },
  }
}
