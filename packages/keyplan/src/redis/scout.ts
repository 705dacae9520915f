import type { Clock, Timer } from '../base/clock.ts'
import type { KeyplanError } from '../base/error.ts'

/** Tries to reach a server until it succeeds; the one thing in the process that does so for that server. */
export interface Scout {
  start(): void
  /** There is reason to believe that it can be reached now: the pause before the next attempt ends. */
  hurry(): void
  /** What an attempt under way still finds is discarded, unless the scout is started again before. */
  stop(): void
}

interface ScoutOptions<Found> {
  attempt(): Promise<Found>
  found(found: Found): void
  discard(found: Found): void
  failed(error: KeyplanError, attempts: number): void
  backoff: { readonly min: number; readonly max: number }
  clock: Clock
}

/**
 * Delays double from `min` to `max`. The jitter takes away up to a quarter: enough to spread a fleet over half a second
 * at the default 2 s, and little enough to stay below 40 attempts a minute. What was found and lost again within `max`
 * counts as a failure, so that a server which drops its clients is not stormed.
 *
 * One attempt at a time. Like an open connection, the search keeps the process alive until it is stopped.
 */
export function createScout<Found>(options: ScoutOptions<Found>): Scout {
  const { backoff, clock } = options
  let wanted = false
  let trying = false
  let hurried = false
  let timer: Timer | undefined
  let attempts = 0
  let step = 0
  let foundAt = Number.NEGATIVE_INFINITY

  function go(): void {
    trying = true
    hurried = false
    options.attempt().then(
      result => {
        trying = false
        if (!wanted) return options.discard(result)
        wanted = false
        attempts = 0
        foundAt = clock.now()
        options.found(result)
      },
      (error: KeyplanError) => {
        trying = false
        if (!wanted) return
        options.failed(error, ++attempts)
        if (!wanted) return
        if (hurried) go()
        else pause()
      },
    )
  }

  function pause(): void {
    const delay = Math.min(backoff.max, backoff.min * 2 ** step++)
    timer = clock.after(delay * (1 - Math.random() / 4), go, true)
  }

  return {
    start() {
      if (wanted) return
      wanted = true
      if (trying) return
      if (clock.now() - foundAt < backoff.max) return pause()
      step = 0
      go()
    },
    hurry() {
      if (!wanted) return
      step = 0
      hurried = trying
      if (trying) return
      timer?.cancel()
      go()
    },
    stop() {
      wanted = false
      timer?.cancel()
    },
  }
}
