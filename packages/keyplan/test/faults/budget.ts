/** For a machine that has other things to do: milliseconds. */
const load = 500

/** Watches that promises keep their time. */
export interface Budget {
  /** Runs one call and notes how long it took, whatever its end. */
  within<T>(call: () => Promise<T>): Promise<T>
  /** Calls that have not settled. */
  readonly open: number
  /** The longest that one took, in milliseconds. */
  readonly worst: number
  /** What one may take: its deadline and a tenth, at least 50 ms, and a margin for the machine. */
  readonly limit: number
}

/** @param deadline that of the calls, in milliseconds */
export function openBudget(deadline: number): Budget {
  let open = 0
  let worst = 0
  return {
    async within(call) {
      const begun = performance.now()
      open++
      try {
        return await call()
      } finally {
        open--
        worst = Math.max(worst, performance.now() - begun)
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
