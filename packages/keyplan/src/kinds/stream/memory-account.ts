import type { Clock } from '../../base/clock.ts'
import type { Cause, Delivery, LostEntry, Postponement, Receipt, TakeRequest } from './delivery.ts'
import type { MemoryEntry, MemoryLog } from './memory.ts'
import type { MemoryLetters } from './memory-letters.ts'
import { mostDeliveries, type StreamSettings } from './settings.ts'

/** What a group in memory was given and has not finished. */
export interface MemoryAccount {
  readonly size: number
  /** The one that was given out first. */
  readonly oldest: MemoryEntry | undefined
  /** Milliseconds until one is due that is not yet. */
  readonly dueIn: number | undefined
  /** Makes all of them due. */
  hasten(): void
  /** Gives out for the first time. */
  give(entry: MemoryEntry): Delivery
  /** Gives out again what is due; says whether some is left that may not be had now. */
  giveAgain(request: TakeRequest, deliveries: Delivery[], lost: LostEntry[]): boolean
  has(id: string): boolean
  finish(id: string): void
  isLast(receipt: Receipt): boolean
  /** Gives the ids of those that are finished, or given out again. */
  postpone(entries: readonly Postponement[]): string[]
  /** Prolongs the claim; false when another has it. */
  extend(receipt: Receipt): boolean
  /** The first position it holds, or the one that is given. */
  needed(otherwise: number): number
}

interface Open {
  readonly entry: MemoryEntry
  dueAt: number
  count: number
  /** Given out, and nobody has said what became of it. */
  out: boolean
  cause: Cause | undefined
}

const lostCause = (reason: LostEntry['reason']): Cause => ({
  name: 'Lost',
  message: `the entry was ${reason} before it was finished`,
})

export function createMemoryAccount(
  log: Pick<MemoryLog, 'entries'>,
  letters: Pick<MemoryLetters, 'write'>,
  settings: StreamSettings,
  clock: Clock,
): MemoryAccount {
  const lease = settings.claimAfterMs
  const most = mostDeliveries(settings)
  const open = new Map<string, Open>()
  const isThere = ({ entry }: Open) => log.entries[0] !== undefined && entry.position >= log.entries[0].position

  function again(one: Open, number: number, suspect: boolean, exhausted: boolean): Delivery {
    one.count = number
    one.out = true
    one.dueAt = clock.now() + lease
    const { id, value, origin } = one.entry
    return { id, value, number, suspect, exhausted, origin, cause: one.cause }
  }

  function giveAgain(request: TakeRequest, deliveries: Delivery[], lost: LostEntry[]): boolean {
    const now = clock.now()
    let doubted = 0
    const due = [...open.values()].filter(({ dueAt }) => dueAt <= now)
    if (request.ordered) due.sort((left, right) => left.entry.position - right.entry.position)
    else due.sort((left, right) => left.dueAt - right.dueAt)
    for (const one of due) {
      if (deliveries.length >= request.due) return true
      const exhausted = one.count >= most
      const suspect = one.out
      if (!isThere(one)) {
        open.delete(one.entry.id)
        letters.write({ entry: one.entry.id, value: undefined, deliveries: one.count, cause: lostCause('trimmed') })
        lost.push({ id: one.entry.id, reason: 'trimmed' })
      } else if (suspect && !exhausted && doubted >= request.suspects) {
        if (request.ordered) return true
      } else {
        if (suspect && !exhausted) doubted++
        deliveries.push(again(one, exhausted ? one.count : one.count + 1, suspect, exhausted))
      }
    }
    return false
  }

  return {
    get size() {
      return open.size
    },
    get oldest() {
      const [first] = open.values()
      return first?.entry
    },
    get dueIn() {
      const now = clock.now()
      let dueAt = Number.POSITIVE_INFINITY
      for (const one of open.values()) if (one.dueAt > now) dueAt = Math.min(dueAt, one.dueAt)
      return Number.isFinite(dueAt) ? dueAt - now : undefined
    },
    hasten() {
      for (const one of open.values()) one.dueAt = clock.now()
    },
    give(entry) {
      const one: Open = { entry, dueAt: 0, count: 0, out: false, cause: undefined }
      open.set(entry.id, one)
      return again(one, 1, false, false)
    },
    giveAgain,
    has: id => open.has(id),
    finish: id => void open.delete(id),
    isLast: ({ id, number }) => open.get(id)?.count === number,
    postpone(entries) {
      const stale: string[] = []
      for (const { id, number, delayMs, counted, cause } of entries) {
        const one = open.get(id)
        if (!one || one.count > number) stale.push(id)
        if (one?.count !== number) continue
        one.dueAt = clock.now() + delayMs
        one.count = counted
        one.out = false
        one.cause = cause
      }
      return stale
    },
    extend({ id, number }) {
      const one = open.get(id)
      if (one?.count !== number) return false
      one.dueAt = clock.now() + lease
      return true
    },
    needed(otherwise) {
      let needed = otherwise
      for (const { entry } of open.values()) needed = Math.min(needed, entry.position)
      return needed
    },
  }
}
