import type { Clock } from '../../base/clock.ts'
import { type Bell, createBell } from '../../mechanisms/wake.ts'

/** What is left to be told to Redis when nobody waits for it any more. */
export interface Pursuits {
  /** Does the step again and again until it gives 0 or `ms` are over; else it gives how long to rest. */
  start(step: () => Promise<number>, ms: number): void
  /** Resolves when nothing is under way, at the latest after `ms`. No step is begun again. */
  close(ms: number): Promise<void>
}

const longestRest = 1_000

export function createPursuits(clock: Clock): Pursuits {
  const bells = new Set<Bell>()
  let closed = false
  const allDone = createBell(clock, true)

  async function pursue(step: () => Promise<number>, ms: number): Promise<void> {
    const end = clock.now() + ms
    const bell = createBell(clock, false)
    bells.add(bell)
    for (;;) {
      const rest = await step().catch(() => Math.min(longestRest, ms / 10))
      if (rest === 0 || closed || clock.now() >= end) break
      await bell.wait(Math.max(1, rest))
      if (closed) break
    }
    bells.delete(bell)
    if (bells.size === 0) allDone.ring()
  }

  return {
    start: (step, ms) => void pursue(step, ms),
    async close(ms) {
      closed = true
      for (const bell of bells) bell.ring()
      if (bells.size > 0) await allDone.wait(ms)
    },
  }
}
