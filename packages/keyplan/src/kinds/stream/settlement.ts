import type { Clock } from '../../base/clock.ts'
import { isUnavailable } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createSource, type Source, type SourceNotice } from '../../mechanisms/source.ts'
import type { Burial, Postponement } from './delivery.ts'
import type { Held } from './held.ts'
import type { StreamSteps } from './store.ts'

/** Tells the server what became of deliveries, and does not rest before it knows. */
export interface Settlement {
  readonly source: Source
  done(held: Held): void
  /** @param settled told when the server knows: whether it was done, or the entry is another's by now */
  postpone(postponement: Postponement, settled: (done: boolean) => void): void
  bury(burial: Burial, settled: (done: boolean) => void): void
  /** What the server does not know yet. */
  readonly size: number
}

interface SettlementParts {
  readonly namespace: string
  readonly group: string
  readonly key: string
  readonly workerName: string
  readonly clock: Clock
  readonly steps: Pick<Guarded<StreamSteps>, 'done' | 'postpone' | 'bury'>
  settled(held: Held): void
  notify(notice: SourceNotice): void
}

interface Owed<T> {
  readonly what: T
  settled(done: boolean): void
}

/** Most of one step. */
const together = 1_000

/** A dead letter that is refused is tried again after this time. Its entry stays as it is meanwhile. */
const refusedFor = 30_000

/** Rests until it is rung. */
const longRest = 60_000

/**
 * What was handled while the server is out of reach is told when it is back, and its claims are renewed until then: so it
 * is not given to another. What ends in one tick is told in one step.
 */
export function createSettlement({
  namespace,
  group,
  key,
  workerName,
  clock,
  steps,
  settled,
  notify,
}: SettlementParts): Settlement {
  let finished: Held[] = []
  let postponed: Owed<Postponement>[] = []
  const burials: Owed<Burial>[] = []

  /** Takes what is owed, and puts it back if it could not be paid. */
  async function acknowledge(): Promise<void> {
    const batch = finished.splice(0, together)
    if (batch.length === 0) return
    try {
      const effects = batch.flatMap(({ effect }) => effect ?? [])
      await steps.done(
        undefined,
        key,
        group,
        batch.map(({ id }) => id),
        effects,
      )
    } catch (error) {
      finished = [...batch, ...finished]
      throw error
    }
    for (const held of batch) settled(held)
  }

  async function delay(): Promise<void> {
    const batch = postponed.splice(0, together)
    if (batch.length === 0) return
    let stale: ReadonlySet<string>
    try {
      const entries = batch.map(({ what }) => what)
      stale = new Set(await steps.postpone(undefined, key, group, entries))
    } catch (error) {
      postponed = [...batch, ...postponed]
      throw error
    }
    for (const { what, settled } of batch) settled(!stale.has(what.id))
  }

  async function bury(): Promise<void> {
    for (let owed = burials.shift(); owed; owed = burials.shift()) {
      const { what } = owed
      try {
        owed.settled(await steps.bury(undefined, key, group, what))
      } catch (error) {
        if (isUnavailable(error)) {
          burials.unshift(owed)
          throw error
        }
        // Refused for good, for all anybody knows: the entry is not acknowledged, and asks again later.
        const warning = `${namespace}: a dead letter of ${group} was refused, so its entry is kept: ${messageOf(error)}`
        notify({ type: 'dead-letter-refused', namespace, source: workerName, error, warning })
        const { id, number, cause } = what
        const delayMs = refusedFor * (0.8 + 0.4 * Math.random())
        postponed.push({ what: { id, number, counted: number, delayMs, cause }, settled: owed.settled })
      }
    }
  }

  const size = () => finished.length + postponed.length + burials.length
  async function settleAll(): Promise<void> {
    const results = await Promise.allSettled([acknowledge(), bury().then(delay)])
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  const source = createSource({
    namespace,
    name: `acknowledging for ${group}`,
    clock,
    async turn() {
      await settleAll()
      return size() > 0 ? undefined : longRest
    },
    async drain(late) {
      while (size() > 0 && !late.aborted) await settleAll()
    },
    notify,
  })

  return {
    source,
    done(held) {
      finished.push(held)
      if (finished.length === 1) source.ring()
    },
    postpone(what, whenSettled) {
      postponed.push({ what, settled: whenSettled })
      source.ring()
    },
    bury(what, whenSettled) {
      burials.push({ what, settled: whenSettled })
      source.ring()
    },
    get size() {
      return size()
    },
  }
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : 'no reason was given')
