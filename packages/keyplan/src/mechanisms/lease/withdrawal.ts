import type { Clock } from '../../base/clock.ts'
import { type Bell, createBell } from '../wake.ts'
import type { LeaseSteps, Request, Wanted } from './steps.ts'
import type { UnderWay } from './under-way.ts'

/** Frees, in the background, what a claim may hold on the server without its caller knowing. */
export interface Withdrawals<W extends Wanted> {
  start(request: Request<W>): void
  /** Asks no more than once from now on. */
  close(): void
}

const longestPause = 1_000

/** Asks until the server confirms it, or until what it may hold would have ended by itself; once, when it is already closed. */
export function createWithdrawals<W extends Wanted>(
  steps: Pick<LeaseSteps<W>, 'withdraw'>,
  ttlMs: number,
  clock: Clock,
  underWay: Pick<UnderWay, 'begin' | 'end'>,
): Withdrawals<W> {
  const sleeping = new Set<Bell>()
  let closed = false

  async function pursue(request: Request<W>): Promise<void> {
    let end = clock.now()
    for (const { call } of request.claim.unanswered) end = Math.max(end, call.expires)
    end += ttlMs
    const bell = createBell(clock, false)
    do {
      const pause = await steps.withdraw(undefined, request).catch(() => Math.min(longestPause, ttlMs / 10))
      if (pause === 0 || closed) return
      sleeping.add(bell)
      await bell.wait(pause)
      sleeping.delete(bell)
    } while (!closed && clock.now() < end)
  }

  return {
    start(request) {
      underWay.begin()
      void pursue(request).finally(underWay.end)
    },
    close() {
      closed = true
      for (const bell of sleeping) bell.ring()
    },
  }
}
