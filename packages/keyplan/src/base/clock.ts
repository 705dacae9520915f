/** A running timer. `cancel` may be called at any time, also after it fired. */
export interface Timer {
  cancel(): void
}

/**
 * Time as the library sees it. `now` is monotonic and measures waiting; `wall` is the epoch time that is compared
 * with what a server or another process wrote. Both are milliseconds.
 */
export interface Clock {
  now(): number
  wall(): number
  /** Runs `fire` once after `ms`. The timer keeps the process alive only when that is asked for. */
  after(ms: number, fire: () => void, keepAlive?: boolean): Timer
}

export const realClock: Clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  after(ms, fire, keepAlive = false) {
    if (ms > longestTimer) return afterLong(ms, fire, keepAlive)
    const timer = setTimeout(fire, ms)
    if (!keepAlive) timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** What a timer of the system counts to, less than a month: one that is longer would fire at once. */
const longestTimer = 2 ** 31 - 1

function afterLong(ms: number, fire: () => void, keepAlive: boolean): Timer {
  const goOn = () => {
    timer = realClock.after(ms - longestTimer, fire, keepAlive)
  }
  let timer = realClock.after(longestTimer, goOn, keepAlive)
  return { cancel: () => timer.cancel() }
}

/** A clock that stands still until it is wound: for tests that need hours without waiting for them. */
export interface HandClock extends Clock {
  /** Moves time forward, firing due timers in order, and lets pending promises settle between them. */
  advance(ms: number): Promise<void>
}

export function handClock(start = 1_700_000_000_000): HandClock {
  let elapsed = 0
  const timers = new Set<{ at: number; fire: () => void }>()
  const settle = () => new Promise<void>(resolve => setImmediate(resolve))

  return {
    now: () => elapsed,
    wall: () => start + elapsed,
    after(ms, fire) {
      const timer = { at: elapsed + ms, fire }
      timers.add(timer)
      return { cancel: () => timers.delete(timer) }
    },
    async advance(ms) {
      const end = elapsed + ms
      await settle()
      for (;;) {
        let next: { at: number; fire: () => void } | undefined
        for (const timer of timers) if (timer.at <= end && (!next || timer.at < next.at)) next = timer
        if (!next) break
        timers.delete(next)
        elapsed = Math.max(elapsed, next.at)
        next.fire()
        await settle()
      }
      elapsed = end
      await settle()
    },
  }
}
