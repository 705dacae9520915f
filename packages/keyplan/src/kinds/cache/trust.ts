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

/** A process tries to reconnect at least every 2 s, so after this all have paid what they owed. */
const settleMs = 2_500

/** Shorter outages leave nothing owed: an invalidation waits that long for its link before it is put off. */
const harmlessMs = 1_000

export function createTrust(clock: Clock): Trust {
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
    outageEnded({ lasted, restarted }) {
      if (!restarted && lasted < harmlessMs) return
      own = new Set()
      until = clock.now() + settleMs
    },
  }
}
