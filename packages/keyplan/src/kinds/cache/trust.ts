import type { Clock } from '../../base/clock.ts'
import type { Outage } from '../../redis/redis.ts'

/**
 * Whether what Redis holds may be believed. After an outage other processes may still owe it invalidations, which they
 * pay when their own link is back; until then its values read as misses, save those this process has stored since.
 */
export interface Trust {
  has(key: string): boolean
  /** This process has just stored the key. */
  gain(key: string): void
  outageEnded(outage: Outage): void
}

/** What is not believed after one outage. */
interface Doubt {
  readonly until: number
  readonly concerns: Outage['concerns']
  readonly own: Set<string>
}

/** What it takes a process to make a connection and to pay what it owes, beside the pause before the attempt. */
const attemptMs = 500

/** Even a link that is replaced at once may have lost an invalidation that was under way. */
const shortestMs = 250

/** @param slowestReconnect the longest pause between two attempts to reconnect, taken to be the same in all processes */
export function createTrust(clock: Clock, slowestReconnect: number): Trust {
  const longestMs = slowestReconnect + attemptMs

  /**
   * How long after the end of an outage others may still be without their link. Their pauses between attempts double, so
   * the next attempt comes at the latest after as long again as they have been trying.
   */
  function settleMs({ lasted, restarted }: Outage): number {
    return restarted ? longestMs : Math.min(longestMs, shortestMs + 2 * lasted)
  }

  /** Empty nearly always. What was stored during a doubt need not be known after it. */
  let doubts: Doubt[] = []

  function forgetSettled(): void {
    doubts = doubts.filter(({ until }) => clock.now() < until)
  }

  function concerning(key: string): Doubt[] {
    if (doubts.length === 0) return doubts
    forgetSettled()
    return doubts.filter(({ concerns }) => concerns(key))
  }

  return {
    has: key => doubts.length === 0 || concerning(key).every(({ own }) => own.has(key)),
    gain(key) {
      for (const { own } of concerning(key)) own.add(key)
    },
    outageEnded(outage) {
      forgetSettled()
      doubts.push({ until: clock.now() + settleMs(outage), concerns: outage.concerns, own: new Set() })
    },
  }
}
