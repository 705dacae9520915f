import type { Clock } from '../../base/clock.ts'
import { createRecent } from './recent.ts'

/** Which keys' loaders have just failed, in this process, and are left alone while there is an old value to give. */
export interface Rests {
  has(key: string): boolean
  failed(key: string): void
  succeeded(key: string): void
}

const firstMs = 1_000
const longestMs = 30_000

/** The most keys that are remembered: forgetting one costs a call of its loader. */
const mostKeys = 10_000

export function createRests(clock: Clock): Rests {
  const rests = createRecent<{ until: number; lastMs: number }>(mostKeys)
  return {
    has: key => rests.size > 0 && clock.now() < (rests.get(key)?.until ?? 0),
    failed(key) {
      const before = rests.get(key)
      // A rest that has been over for longer than it took is forgotten.
      const again = before !== undefined && clock.now() < before.until + before.lastMs
      const lastMs = again ? Math.min(before.lastMs * 2, longestMs) : firstMs
      rests.set(key, { until: clock.now() + lastMs, lastMs })
    },
    succeeded: rests.delete,
  }
}
