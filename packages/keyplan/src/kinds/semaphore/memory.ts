import type { Clock, Timer } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import { tooLate } from '../../mechanisms/lease/requests.ts'
import type { LocalWake } from '../../mechanisms/wake.ts'
import type { SemaphoreNames } from './names.ts'
import { type SemaphoreStore, stateOf, tooMany } from './store.ts'

interface Taken {
  readonly permits: number
  until: number
  timer: Timer
}

/**
 * The semaphores of one process. What is taken leaves with its time to live; when `maxEntries` acquisitions are held, no
 * other is granted.
 */
export function createMemorySemaphoreStore(
  names: SemaphoreNames,
  wake: LocalWake,
  clock: Clock,
  maxEntries = 100_000,
): SemaphoreStore {
  /** By key, then by owner. */
  const semaphores = new Map<string, Map<string, Taken>>()
  const limits = new Map<string, number>()
  let entries = 0
  /** One count for all keys: it grows for each of them, and keeps nothing of the keys that are gone. */
  let lastFence = 0

  function find(key: string, owner: string): Taken | undefined {
    const taken = semaphores.get(key)?.get(owner)
    if (taken && taken.until <= clock.now()) free(key, owner)
    return semaphores.get(key)?.get(owner)
  }
  function free(key: string, owner: string): boolean {
    const holders = semaphores.get(key)
    const taken = holders?.get(owner)
    if (!holders || !taken) return false
    taken.timer.cancel()
    holders.delete(owner)
    entries--
    if (holders.size === 0) semaphores.delete(key)
    wake.notify(names.wake(key))
    return true
  }
  function prolong(key: string, owner: string, taken: Taken, ttlMs: number): number {
    taken.timer.cancel()
    taken.until = clock.now() + ttlMs
    // Real timers may fire up to a millisecond early.
    taken.timer = clock.after(ttlMs + 1, () => find(key, owner))
    return taken.until
  }
  /** Milliseconds that each permit of a key has left, those that end first in front. */
  function remaining(key: string): number[] {
    for (const owner of [...(semaphores.get(key)?.keys() ?? [])]) find(key, owner)
    return [...(semaphores.get(key)?.values() ?? [])]
      .flatMap(({ permits, until }) => new Array<number>(permits).fill(until - clock.now()))
      .sort((one, other) => one - other)
  }
  function take(key: string, owner: string, permits: number): Taken {
    if (entries >= maxEntries) {
      throw new KeyplanError('OVERLOADED', `This process already holds ${entries} permits in memory`, {
        outcome: 'not-executed',
      })
    }
    const taken = { permits, until: 0, timer: { cancel: () => {} } }
    const holders = semaphores.get(key) ?? new Map<string, Taken>()
    semaphores.set(key, holders.set(owner, taken))
    entries++
    return taken
  }

  return {
    async acquire(call, { key, claim, permits }, declared, ttlMs) {
      if (clock.now() > call.expires) throw tooLate('permit')
      let taken = find(key, claim.owner)
      if (!taken) {
        const most = limits.get(key) ?? declared
        if (permits > most) throw tooMany(permits, most)
        const held = remaining(key)
        const lacking = held.length + permits - most
        if (lacking > 0) return { granted: false, remainingMs: held[lacking - 1] }
        taken = take(key, claim.owner, permits)
      }
      lastFence = Math.max(lastFence + 1, Math.floor(clock.wall() * 1_000))
      const until = prolong(key, claim.owner, taken, ttlMs)
      return { granted: true, fence: String(lastFence), until, degraded: false }
    },
    async extend(_, { key, claim }, ttlMs) {
      const taken = find(key, claim.owner)
      return taken && prolong(key, claim.owner, taken, ttlMs)
    },
    release: async (_, { key, claim }) => find(key, claim.owner) !== undefined && free(key, claim.owner),
    async withdraw(_, { key, claim }) {
      free(key, claim.owner)
      return 0
    },
    inspect: async (_, key, declared) => stateOf(limits.get(key) ?? declared, remaining(key)),
    async resize(_, key, permits) {
      if (permits === undefined) limits.delete(key)
      else limits.set(key, permits)
      wake.notify(names.wake(key))
    },
  }
}
