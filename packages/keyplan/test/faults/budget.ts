/** For a machine that has other things to do: milliseconds. */
const load = 500

/** Watches that promises keep their time. */
export interface Budget {
  /** Runs one call and notes how long it took, whatever its end. */
  within<T>(call: () => Promise<T>): Promise<T>
  /** Calls that have not settled. */
  readonly open: number
  /** The longest that one took, in milliseconds, without what this process was kept from running meanwhile. */
  readonly worst: number
  /** What one may take: its deadline and a tenth, at least 50 ms, and a margin for the machine. */
  readonly limit: number
}

/** @param deadline that of the calls, in milliseconds */
export function openBudget(deadline: number): Budget {
  let open = 0
  let worst = 0
  const pulse = createPulse()
  return {
    async within(call) {
      if (open++ === 0) pulse.start()
      const stalled = pulse.stalled()
      const begun = performance.now()
      try {
        return await call()
      } finally {
        const took = performance.now() - begun - Math.min(pulse.stalled() - stalled, mostStalled)
        worst = Math.max(worst, took)
        if (--open === 0) pulse.stop()
      }
    },
    get open() {
      return open
    },
    get worst() {
      return worst
    },
    limit: deadline + Math.max(50, deadline / 10) + load,
  }
}

/** How often it is looked whether this process runs. Milliseconds. */
const beat = 20

/** More than this would be the doing of what is tested. Milliseconds. */
const mostStalled = 1_000

/** Adds up for how long the machine kept this process from running. */
function createPulse() {
  let total = 0
  let last = 0
  let timer: NodeJS.Timeout | undefined
  const sinceLast = () => (timer ? Math.max(0, performance.now() - last - 2 * beat) : 0)
  return {
    stalled: () => total + sinceLast(),
    start() {
      last = performance.now()
      timer = setInterval(() => {
        total += sinceLast()
        last = performance.now()
      }, beat)
    },
    stop() {
      total += sinceLast()
      clearInterval(timer)
      timer = undefined
    },
  }
}
