import type { Clock } from '../../base/clock.ts'
import type {
  Burial,
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
import type { MemoryLog } from './memory.ts'
import { createMemoryAccount } from './memory-account.ts'
import { createMemoryEffects } from './memory-effects.ts'
import { createMemoryLetters } from './memory-letters.ts'
import type { StreamSettings } from './settings.ts'
import type { GroupState, StoredLetter } from './store.ts'

/** A group of a stream in memory. */
export interface MemoryGroup {
  take(request: TakeRequest): Taken
  done(ids: readonly string[], effects: readonly string[]): void
  claim(claims: readonly EffectClaim[], ms: number): Standing[]
  postpone(entries: readonly Postponement[]): string[]
  unfinished(ids: readonly string[]): string[]
  bury(burial: Burial): boolean
  extend(consumer: string, receipts: readonly Receipt[], ordered: boolean): string[]
  renew(claims: readonly EffectClaim[], ms: number): void
  leave(consumer: string): void
  inspect(): GroupState
  letters(after: string, limit: number): StoredLetter[]
  redrive(ids: readonly string[]): number
  purge(ids: readonly string[]): number
  /** The first position it has not finished. */
  needed(): number
}

export function createMemoryGroup(log: MemoryLog, name: string, settings: StreamSettings, clock: Clock): MemoryGroup {
  const { claimAfterMs: lease, deadMs } = settings
  const effects = createMemoryEffects(settings.idempotency?.ttlMs ?? 0, clock)
  const letters = createMemoryLetters(deadMs, clock)
  const account = createMemoryAccount(log, letters, settings, clock)
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
        if (active?.consumer !== consumer) account.hasten()
        active = { consumer, until: now + lease }
      }
      const missed = Math.max(0, firstPosition() - 1 - position)
      position += missed
      const left = account.giveAgain(request, deliveries, lost)
      const from = Math.max(0, position + 1 - firstPosition())
      const wanted = ordered && left ? 0 : request.fresh
      for (const entry of log.entries.slice(from, from + wanted)) {
        position = entry.position
        if (entry.for !== undefined && entry.for !== name) continue
        deliveries.push(account.give(entry))
      }
      const last = log.entries[position - firstPosition()]?.id ?? '0-0'
      return {
        deliveries,
        lost,
        missed,
        recreated: undefined,
        last,
        more: position < log.added,
        dueIn: left ? 0 : account.dueIn,
        standby: undefined,
      }
    },
    done(ids, names) {
      for (const id of ids) account.finish(id)
      effects.done(names)
    },
    claim: effects.claim,
    postpone: account.postpone,
    unfinished: ids => ids.filter(account.has),
    bury(burial) {
      if (!account.isLast(burial)) return false
      const { id, origin, value, number, effect, cause } = burial
      letters.write({ entry: origin ?? id, value, deliveries: number, cause })
      account.finish(id)
      if (effect !== undefined) effects.free(effect, id)
      return true
    },
    extend(consumer, receipts, ordered) {
      const until = clock.now() + lease
      if (ordered && active?.consumer === consumer) active = { consumer, until }
      return receipts.filter(receipt => !account.extend(receipt)).map(({ id }) => id)
    },
    renew(claims, ms) {
      effects.claim(
        claims.filter(({ id }) => account.has(id)),
        ms,
      )
    },
    leave(consumer) {
      consumers.delete(consumer)
      if (active?.consumer === consumer) active = undefined
    },
    inspect() {
      const { oldest } = account
      return {
        length: log.entries.length,
        lag: log.added - Math.max(position, firstPosition() - 1),
        pending: account.size,
        oldestMs: oldest && Math.max(0, clock.wall() - oldest.at),
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
    needed: () => account.needed(position + 1),
  }
}
