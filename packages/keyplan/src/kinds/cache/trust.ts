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

  let until = 0
  let own = new Set<string>()

  return {
    has(key) {
      if (until === 0) return true
      if (clock.now() < until) return own.has(key)
      until = 0
      own = new Set()
      return true
    },
    gain(key) {
      if (until !== 0) own.add(key)
    },
    outageEnded(outage) {
      own = new Set()
      until = Math.max(until, clock.now() + settleMs(outage))
    },
  }
}
