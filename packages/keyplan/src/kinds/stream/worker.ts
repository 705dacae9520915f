import type { Clock } from '../../base/clock.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createSource, type SourceNotice } from '../../mechanisms/source.ts'
import { causeOf, vanished } from './cause.ts'
import { consumerName } from './consumer-name.ts'
import type { Worker } from './contract.ts'
import { createDesk, type Ending, type Handler } from './desk.ts'
import { Held } from './held.ts'
import { createIntake } from './intake.ts'
import { backoffOf, mostDeliveries, type StreamSettings } from './settings.ts'
import { createSettlement } from './settlement.ts'
import type { Delivery, LostEntry, StreamSteps, StreamStore, Taken } from './store.ts'
import type { WorkSettings } from './work-settings.ts'

interface WorkerParts {
  readonly namespace: string
  readonly key: string
  readonly group: string
  readonly settings: StreamSettings
  readonly work: WorkSettings
  readonly handler: Handler
  readonly steps: Guarded<StreamSteps>
  readonly wait: StreamStore['wait']
  readonly clock: Clock
  notify(notice: SourceNotice): void
  closed(worker: Worker): void
}

/** Beyond these, what was handled and cannot be acknowledged holds up what is new. */
const mostUnsettled = 5_000

/** Where nothing can be done, it is looked again after this time. It is rung before, when there is room. */
const longRest = 1_000

/** While a suspect is at hand it is looked for new entries this often, in place of a wait for them. */
const besideSuspect = 100

/** Whoever has an effect for another entry may take as long as a handler may; it is asked again in between. */
const busyFor = 1_000

/** Works for a group: takes entries, has them handled, and tells the server what became of them. */
export function createWorker(parts: WorkerParts): Worker {
  const { namespace, key, group, settings, work, steps, clock } = parts
  const consumer = consumerName(work.consumer)
  const claimant = { group, consumer }
  const most = mostDeliveries(settings)
  const lease = settings.claimAfterMs
  const ordered = work.orderBy !== undefined
  const capacity = work.concurrency * (work.batch ?? 1) + work.prefetch
  const counts = { handled: 0, failed: 0, redelivered: 0, buried: 0, lost: 0, missed: 0, skipped: 0 }
  /** Everything whose end the server does not know. */
  const held = new Map<string, Held>()
  const read = createIntake(settings, work)
  const name = `worker of ${group}`
  let suspects = 0

  const settlement = createSettlement({
    namespace,
    group,
    key,
    clock,
    steps,
    settled: forget,
    notify: parts.notify,
  })
  const desk = createDesk({ work, namespace, clock, handler: parts.handler, ended, room: () => fetching.ring() })

  function forget(one: Held): void {
    if (held.get(one.id) !== one) return
    held.delete(one.id)
    if (one.given.suspect) suspects--
    if (one.given.suspect || settlement.size > mostUnsettled / 2) fetching.ring()
  }

  function ended(one: Held, ending: Ending): void {
    one.settling = true
    if (ending === undefined) {
      counts.handled++
      settlement.done(one)
      desk.line.ended(one, false)
      return
    }
    counts.failed++
    const cause = causeOf(ending.thrown)
    const { id, number, value, origin } = one.given
    if (number >= most) {
      counts.buried++
      settlement.bury({ id, number, value, origin, cause }, () => {
        forget(one)
        desk.line.ended(one, false)
      })
      return
    }
    const delayMs = backoffOf(settings, number) * (0.8 + 0.4 * Math.random())
    desk.line.ended(one, true)
    settlement.postpone({ id, number, counted: number, delayMs, cause }, () => {
      forget(one)
      fetching.ring()
    })
  }

  /** Gives an entry back as if it had not been given. */
  function giveBack(one: Held, delayMs: number): void {
    const { id, number, cause } = one.given
    one.settling = true
    settlement.postpone({ id, number, counted: number - 1, delayMs, cause }, () => forget(one))
  }

  function giveUp(given: Delivery, cause: NonNullable<Delivery['cause']>): void {
    const one = new Held(given, undefined, undefined, undefined, clock.now())
    one.settling = true
    held.set(given.id, one)
    if (given.suspect) suspects++
    const { id, number, value, origin } = given
    counts.buried++
    settlement.bury({ id, number, value, origin, cause }, () => {
      forget(one)
      desk.line.gone(id)
    })
  }

  function lose(entries: readonly LostEntry[]): void {
    if (entries.length === 0) return
    counts.lost += entries.length
    for (const { id } of entries) desk.line.gone(id)
    for (const reason of ['trimmed', 'deleted'] as const) {
      const ids = entries.filter(entry => entry.reason === reason).map(({ id }) => id)
      if (ids.length > 0) fetching.gap({ reason, group, count: ids.length, ids })
    }
  }

  async function accept({ deliveries, lost, missed, recreated }: Taken, at: number): Promise<void> {
    if (recreated) {
      fetching.gap({ ...recreated, group })
      counts.missed += recreated.missed ?? 0
    }
    if (missed > 0) {
      counts.missed += missed
      fetching.gap({ reason: 'missed', group, count: missed })
    }
    lose(lost)
    let fresh: Held[] = []
    for (const given of deliveries) {
      if (given.number > 1) counts.redelivered++
      const known = held.get(given.id)
      if (known) desk.abandon(known, superseded())
      if (known) forget(known)
      const reading = given.exhausted ? { cause: given.cause ?? vanished(given.number) } : read(given)
      if ('cause' in reading) giveUp(given, reading.cause)
      else {
        const one = new Held(given, reading.value, reading.order, reading.effect, at)
        held.set(given.id, one)
        if (given.suspect) suspects++
        fresh.push(one)
      }
    }
    if (settings.idempotency && fresh.length > 0) fresh = await unhandled(fresh)
    for (const one of fresh) desk.add(one)
    desk.pump()
  }

  /** Those whose effect is theirs to bring about. */
  async function unhandled(fresh: readonly Held[]): Promise<Held[]> {
    const claims = fresh.map(({ id, effect }) => ({ id, effect: effect! }))
    try {
      const standings = await steps.claim(undefined, key, group, claims, work.timeoutMs + lease)
      return fresh.filter((one, index) => {
        if (standings[index] === 'done') {
          counts.skipped++
          one.settling = true
          settlement.done(one)
        } else if (standings[index] === 'busy') giveBack(one, busyFor)
        return standings[index] === 'mine'
      })
    } catch (error) {
      for (const one of fresh) giveBack(one, 0)
      throw error
    }
  }

  const superseded = () =>
    new KeyplanError('ABORTED', 'The entry was given to another worker', { namespace, operation: 'work' })

  const fetching = createSource({
    namespace,
    name,
    clock,
    keepAlive: true,
    async turn({ signal, well }) {
      const room = capacity - desk.active - desk.line.ready - desk.line.waiting
      const isFull = settlement.size >= mostUnsettled
      // With one place at a time, each entry would cost a trip.
      const isWorthIt = desk.line.ready === 0 || room >= capacity / 2
      const fresh = isFull || !isWorthIt ? 0 : Math.max(0, Math.min(room, settings.batch))
      // What failed comes before what waits for it.
      const due = isFull ? 0 : Math.max(fresh, ordered ? Math.min(desk.idle, settings.batch) : 0)
      if (due === 0) return longRest
      const at = clock.now()
      const request = { ...claimant, fresh, due, suspects: suspects > 0 ? 0 : 1, ordered }
      const taken = await steps.take(undefined, key, request)
      well()
      await accept(taken, at)
      if (taken.standby !== undefined) return Math.min(taken.standby + 1, longRest)
      if (taken.deliveries.length > 0 || taken.lost.length > 0) return undefined
      // It is due and may not be had yet: a suspect is at hand, and rings when it is done with.
      if (taken.dueIn === 0) return longRest
      // What is at hand may fail meanwhile, and be due before the wait is over.
      const longest = held.size > 0 ? Math.min(settings.blockMs, settings.retry.delayMs) : settings.blockMs
      const ms = Math.max(1, Math.min(longest, taken.dueIn ?? longest))
      if (fresh === 0) return Math.min(ms, longRest)
      // The next suspect may be had as soon as this one has ended, which a rest is told of, and a wait is not.
      if (request.suspects === 0) return Math.min(ms, besideSuspect)
      await parts.wait(key, taken.last, ms, signal)
      return undefined
    },
    async drain(late) {
      for (const one of desk.stop()) giveBack(one, 0)
      for (const one of await desk.finish(late)) giveBack(one, 0)
    },
    notify: parts.notify,
  })

  const watching = createSource({
    namespace,
    name: `claims of ${group}`,
    clock,
    async turn() {
      desk.enforce()
      const now = clock.now()
      const due = [...held.values()].filter(({ over, claimedAt }) => !over && now - claimedAt >= lease / 3)
      // An ordered group is held by its one worker, also while there is nothing to handle.
      if (ordered && due.length === 0) await steps.extend(undefined, key, claimant, [], ordered)
      for (let first = 0; first < due.length; first += settings.batch) {
        const part = due.slice(first, first + settings.batch)
        const at = clock.now()
        const receipts = part.map(({ given: { id, number } }) => ({ id, number }))
        const gone = new Set(await steps.extend(undefined, key, claimant, receipts, ordered))
        for (const one of part) {
          if (!gone.has(one.id)) one.claimedAt = at
          else if (held.get(one.id) === one && !one.settling) {
            desk.abandon(one, superseded())
            forget(one)
          }
        }
      }
      return Math.max(10, Math.min(lease / 6, work.timeoutMs / 10, longRest))
    },
    notify: parts.notify,
  })

  let cursor = '0-0'
  const sweeping = createSource({
    namespace,
    name: `clean-up of ${group}`,
    clock,
    async turn({ well }) {
      const swept = await steps.sweep(undefined, key, claimant, cursor)
      well()
      cursor = swept.cursor
      lose(swept.lost)
      if (swept.adopted > 0) fetching.ring()
      // Spread, so that workers that began together do not keep cleaning together.
      return cursor === '0-0' ? lease * (0.4 + 0.2 * Math.random()) : undefined
    },
    notify: parts.notify,
  })

  let closing: Promise<void> | undefined
  async function end(graceMs: number): Promise<void> {
    const by = clock.now() + graceMs
    await fetching.close(graceMs)
    await settlement.source.close(Math.max(500, by - clock.now()))
    await Promise.all([watching.close(0), sweeping.close(0)])
    // Whoever comes next removes it as well, when it has been silent for long enough.
    await steps.leave({ deadline: '1s' }, key, claimant).catch(() => {})
  }

  const worker: Worker = {
    consumer,
    get health() {
      return fetching.health
    },
    get figures() {
      return { ...counts, held: held.size, active: desk.active }
    },
    pause: fetching.pause,
    resume: fetching.resume,
    async close(grace?: Duration) {
      const graceMs = grace === undefined ? work.graceMs : durationMs(grace, 'grace', shown)
      if (closing) void fetching.close(graceMs)
      closing ??= end(graceMs).finally(() => parts.closed(worker))
      await closing
    },
    [Symbol.asyncDispose]: () => worker.close(),
  }
  return worker
}
