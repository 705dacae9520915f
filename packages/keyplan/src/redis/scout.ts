import type { Clock, Timer } from '../base/clock.ts'
import type { KeyplanError } from '../base/error.ts'

/** Tries to reach a server until it succeeds; the one thing in the process that does so for that server. */
export interface Scout {
  start(): void
  stop(): void
}

interface ScoutOptions<Found> {
  attempt(): Promise<Found>
  found(found: Found): void
  failed(error: KeyplanError, attempts: number): void
  backoff: { readonly min: number; readonly max: number }
  clock: Clock
}

/**
 * Delays double from `min` to `max`. The jitter takes away up to a quarter: enough to spread a fleet over half a second
 * at the default 2 s, and little enough to stay below 40 attempts a minute.
 */
export function createScout<Found>({ attempt, found, failed, backoff, clock }: ScoutOptions<Found>): Scout {
  let running = false
  let timer: Timer | undefined
  let attempts = 0

  function go(): void {
    attempt().then(
      result => {
        running = false
        attempts = 0
        found(result)
      },
      (error: KeyplanError) => {
        attempts++
        if (!running) return
        failed(error, attempts)
        const delay = Math.min(backoff.max, backoff.min * 2 ** (attempts - 1))
        timer = clock.after(delay * (1 - Math.random() / 4), go)
      },
    )
  }

  return {
    start() {
      if (running) return
      running = true
      go()
    },
    stop() {
      running = false
      timer?.cancel()
    },
  }
}
