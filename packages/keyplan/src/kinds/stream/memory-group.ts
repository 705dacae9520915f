import type { Clock } from '../../base/clock.ts'
import type {
  Burial,
  Cause,
  Delivery,
  EffectClaim,
  LostEntry,
  Postponement,
  Receipt,
  Standing,
  Taken,
  TakeRequest,
} from './delivery.ts'
import { isBehind } from './entry-id.ts'
import type { MemoryEntry, MemoryLog } from './memory.ts'
import { createMemoryEffects } from './memory-effects.ts'
import { createMemoryLetters } from './memory-letters.ts'
import { mostDeliveries, type StreamSettings } from './settings.ts'
import type { GroupState, StoredLetter } from './store.ts'

/** A group of a stream in memory. */
export interface MemoryGroup {
  take(request: TakeRequest): Taken
  done(ids: readonly string[], effects: readonly string[]): void
  claim(claims: readonly EffectClaim[], ms: number): Standing[]
  postpone(entries: readonly Postponement[]): void
  bury(burial: Burial): boolean
  extend(consumer: string, receipts: readonly Receipt[], ordered: boolean): string[]
  leave(consumer: string): void
  inspect(): GroupState
  letters(after: string, limit: number): StoredLetter[]
  redrive(ids: readonly string[]): number
  purge(ids: readonly string[]): number
  /** The first position it has not finished. */
  needed(): number
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

export function createMemoryGroup(log: MemoryLog, name: string, settings: StreamSettings, clock: Clock): MemoryGroup {
  const { claimAfterMs: lease, deadMs } = settings
  const most = mostDeliveries(settings)
  const open = new Map<string, Open>()
  const effects = createMemoryEffects(settings.idempotency?.ttlMs ?? 0, clock)
  const letters = createMemoryLetters(deadMs, clock)
  const consumers = new Set<string>()
  let active: { consumer: string; until: number } | undefined
  /** All up to this one were given out. */
  let position = startOf()

  function startOf(): number {
    const { start } = settings.groups[name]!
    if (start === '$') return log.added
    const behind = log.entries.find(({ id }) => !isBehind(id, start))
    return behind ? behind.position - 1 : start === '0' ? 0 : log.added
  }
  const firstPosition = () => log.entries[0]?.position ?? log.added + 1
  const isThere = ({ entry }: Open) => entry.position >= firstPosition()
  const isLast = ({ id, number }: Receipt) => open.get(id)?.count === number

  function again(one: Open, number: number, suspect: boolean, exhausted: boolean): Delivery {
    one.count = number
    one.out = true
    one.dueAt = clock.now() + lease
    const { id, value, origin } = one.entry
    return { id, value, number, suspect, exhausted, origin, cause: one.cause }
  }

  function takeDue(request: TakeRequest, deliveries: Delivery[], lost: LostEntry[]): boolean {
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
    take(request) {
      const now = clock.now()
      const { consumer, ordered } = request
      consumers.add(consumer)
      const deliveries: Delivery[] = []
      const lost: LostEntry[] = []
      if (ordered && active && active.consumer !== consumer && active.until > now) {
        const standby = active.until - now
        return {
          deliveries,
          lost,
          missed: 0,
          recreated: undefined,
          last: '0-0',
          more: false,
          dueIn: undefined,
          standby,
        }
      }
      if (ordered) {
        if (active?.consumer !== consumer) for (const one of open.values()) one.dueAt = now
        active = { consumer, until: now + lease }
      }
      const missed = Math.max(0, firstPosition() - 1 - position)
      position += missed
      const left = takeDue(request, deliveries, lost)
      const from = Math.max(0, position + 1 - firstPosition())
      const wanted = ordered && left ? 0 : request.fresh
      for (const entry of log.entries.slice(from, from + wanted)) {
        position = entry.position
        if (entry.for !== undefined && entry.for !== name) continue
        const one: Open = { entry, dueAt: 0, count: 0, out: false, cause: undefined }
        open.set(entry.id, one)
        deliveries.push(again(one, 1, false, false))
      }
      let dueAt = Number.POSITIVE_INFINITY
      for (const one of open.values()) if (one.dueAt > now) dueAt = Math.min(dueAt, one.dueAt)
      const last = log.entries[position - firstPosition()]?.id ?? '0-0'
      const dueIn = left ? 0 : dueAt - now
      return {
        deliveries,
        lost,
        missed,
        recreated: undefined,
        last,
        more: position < log.added,
        dueIn: Number.isFinite(dueIn) ? dueIn : undefined,
        standby: undefined,
      }
    },
    done(ids, names) {
      for (const id of ids) open.delete(id)
      effects.done(names)
    },
    claim: effects.claim,
    postpone(entries) {
      for (const entry of entries) {
        const one = open.get(entry.id)
        if (!one || !isLast(entry)) continue
        one.dueAt = clock.now() + entry.delayMs
        one.count = entry.counted
        one.out = false
        one.cause = entry.cause
      }
    },
    bury(burial) {
      if (!isLast(burial)) return false
      const { id, origin, value, number, effect, cause } = burial
      letters.write({ entry: origin ?? id, value, deliveries: number, cause })
      open.delete(id)
      if (effect !== undefined) effects.free(effect, id)
      return true
    },
    extend(consumer, receipts, ordered) {
      const until = clock.now() + lease
      if (ordered && active?.consumer === consumer) active = { consumer, until }
      return receipts
        .filter(receipt => {
          if (!isLast(receipt)) return true
          open.get(receipt.id)!.dueAt = until
          return false
        })
        .map(({ id }) => id)
    },
    leave(consumer) {
      consumers.delete(consumer)
      if (active?.consumer === consumer) active = undefined
    },
    inspect() {
      const [oldest] = open.values()
      return {
        length: log.entries.length,
        lag: log.added - Math.max(position, firstPosition() - 1),
        pending: open.size,
        oldestMs: oldest && Math.max(0, clock.wall() - oldest.entry.at),
        deadLetters: letters.count,
        consumers: consumers.size,
      }
    },
    letters: letters.list,
    redrive(ids) {
      const going = letters.take(ids)
      for (const { value, entry } of going) log.append(value!, { for: name, origin: entry })
      return going.length
    },
    purge: letters.purge,
    needed() {
      let needed = position + 1
      for (const { entry } of open.values()) needed = Math.min(needed, entry.position)
      return needed
    },
  }
}
