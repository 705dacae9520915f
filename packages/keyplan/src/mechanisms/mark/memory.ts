import type { Call } from '../../base/call.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { Stored } from '../../base/codec.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Claim } from '../lease/claim.ts'
import { tooLate } from '../lease/requests.ts'
import type { ClaimAnswer, ClaimTerms, Ending, MarkStore, MarkView } from './store.ts'

interface Entry {
  state: 'running' | Ending
  owner: string
  /** Readings of the clock: the end of the lease, and of the mark. */
  leaseEnds: number
  ends: number
  attempt: number
  print: string | undefined
  value: Stored
  timer: Timer
}

const longestTimer = 2 ** 31 - 1

/**
 * The marks of one process. One leaves with its time to live; when `maxEntries` are kept, no further operation may begin,
 * since to forget one would let it run again.
 */
export function createMemoryMarkStore(changed: (key: string) => void, clock: Clock, maxEntries = 100_000): MarkStore {
  const entries = new Map<string, Entry>()

  function find(key: string): Entry | undefined {
    const entry = entries.get(key)
    if (entry && entry.ends <= clock.now()) remove(key, entry)
    return entries.get(key)
  }
  function owned(key: string, { owner }: Claim): Entry | undefined {
    const entry = find(key)
    return entry?.owner === owner ? entry : undefined
  }
  function remove(key: string, entry: Entry): void {
    entry.timer.cancel()
    entries.delete(key)
    changed(key)
  }
  function keep(key: string, entry: Entry, ttlMs: number): void {
    entry.timer.cancel()
    entry.ends = clock.now() + ttlMs
    watch(key, entry)
  }
  function watch(key: string, entry: Entry): void {
    // Real timers may fire up to a millisecond early, and count to less than a month.
    entry.timer = clock.after(Math.min(entry.ends - clock.now() + 1, longestTimer), () => {
      if (find(key) === entry) watch(key, entry)
    })
  }

  function begin(key: string): Entry {
    if (entries.size >= maxEntries) {
      throw new KeyplanError('OVERLOADED', `This process already keeps ${entries.size} marks in memory`, {
        outcome: 'not-executed',
      })
    }
    const entry: Entry = {
      state: 'running',
      owner: '',
      leaseEnds: 0,
      ends: 0,
      attempt: 0,
      print: undefined,
      value: '',
      timer: { cancel: () => {} },
    }
    entries.set(key, entry)
    return entry
  }

  function take(key: string, entry: Entry, { owner }: Claim, terms: ClaimTerms): ClaimAnswer {
    if (entry.owner !== owner) entry.attempt++
    entry.owner = owner
    entry.leaseEnds = clock.now() + terms.leaseMs
    entry.print = terms.print ?? entry.print
    keep(key, entry, terms.ttlMs)
    return { state: 'claimed', attempt: entry.attempt }
  }

  function claim(call: Call, key: string, by: Claim, terms: ClaimTerms): ClaimAnswer {
    if (clock.now() > call.expires) {
      throw tooLate('mark')
    }
    const entry = find(key)
    if (!entry) return take(key, begin(key), by, terms)
    if (entry.print !== undefined && terms.print !== undefined && entry.print !== terms.print) {
      return { state: 'mismatch' }
    }
    if (entry.state !== 'running') return { state: entry.state, value: entry.value }
    const remainingMs = entry.leaseEnds - clock.now()
    if (entry.owner === by.owner) return take(key, entry, by, terms)
    if (remainingMs > 0) return { state: 'running', remainingMs }
    return terms.takeOver ? take(key, entry, by, terms) : { state: 'unknown' }
  }

  function view(key: string): MarkView {
    const entry = find(key)
    if (!entry) return { state: 'none' }
    const { state, attempt, value } = entry
    const remainingMs = entry.ends - clock.now()
    if (state !== 'running') return { state, attempt, value, remainingMs }
    const leaseMs = Math.max(0, entry.leaseEnds - clock.now())
    return { state: leaseMs > 0 ? 'running' : 'unknown', attempt, leaseMs, remainingMs }
  }

  return {
    claim: async (...request) => claim(...request),
    async renew(_, key, by, { leaseMs, ttlMs }) {
      const entry = owned(key, by)
      if (entry?.state !== 'running') return false
      entry.leaseEnds = clock.now() + leaseMs
      keep(key, entry, ttlMs)
      return true
    },
    async settle(_, key, by, { ending, value, ttlMs, attempt, print, commands }) {
      const isGone = find(key) === undefined && ending === 'done' && commands.length === 0
      const entry = isGone ? Object.assign(begin(key), { owner: by.owner, attempt, print }) : owned(key, by)
      if (entry?.state === 'running') {
        entry.state = ending
        entry.value = value
        keep(key, entry, ttlMs)
        changed(key)
      }
      return entry !== undefined
    },
    async withdraw(_, key, by) {
      const entry = owned(key, by)
      if (entry?.state === 'running') remove(key, entry)
      return 0
    },
    async forget(_, key) {
      const entry = find(key)
      if (entry) remove(key, entry)
      return entry !== undefined
    },
    inspect: async (_, key) => view(key),
  }
}
