import type { Clock } from '../../base/clock.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { type Bell, createBell } from '../../mechanisms/wake.ts'
import type { Claim } from './claim.ts'
import type { LockStore } from './store.ts'
import type { UnderWay } from './under-way.ts'

/** Frees, in the background, what a claim may hold on the server without its caller knowing. */
export interface Withdrawals {
  start(key: string, claim: Claim): void
  /** Asks no more than once from now on. */
  close(): void
}

const longestPause = 1_000

/** Asks until the server confirms it, or until the lock would have ended by itself; once, when it is already closed. */
export function createWithdrawals(
  steps: Pick<Guarded<LockStore>, 'withdraw'>,
  ttlMs: number,
  clock: Clock,
  underWay: Pick<UnderWay, 'begin' | 'end'>,
): Withdrawals {
  const sleeping = new Set<Bell>()
  let closed = false

  async function pursue(key: string, claim: Claim): Promise<void> {
    let end = clock.now()
    for (const { call } of claim.unanswered) end = Math.max(end, call.expires)
    end += ttlMs
    const bell = createBell(clock, false)
    do {
      const pause = await steps.withdraw(undefined, key, claim).catch(() => Math.min(longestPause, ttlMs / 10))
      if (pause === 0 || closed) return
      sleeping.add(bell)
      await bell.wait(pause)
      sleeping.delete(bell)
    } while (!closed && clock.now() < end)
  }

  return {
    start(key, claim) {
      underWay.begin()
      void pursue(key, claim).finally(underWay.end)
    },
    close() {
      closed = true
      for (const bell of sleeping) bell.ring()
    },
  }
}
