import { performance } from 'node:perf_hooks'

/** What a closed loop did. `seconds` runs until its last call is back. */
export interface LoopResult {
  readonly operations: number
  readonly seconds: number
}

const callsInARow = 1_000

/**
 * Keeps `inFlight` calls going for `seconds`: each worker sends its next call when its last one is back.
 * Rejects with the first failure, or the first call that resolves with undefined or false: a figure that contains
 * failed calls compares nothing.
 */
export async function closedLoop(
  run: (i: number) => Promise<unknown>,
  first: number,
  inFlight: number,
  seconds: number,
): Promise<LoopResult> {
  let next = first
  let stopped = false
  const start = performance.now()
  const work = async () => {
    for (let calls = 1; !stopped; calls++) {
      // Calls that are answered in this process would leave no turn to the timer, nor to what else has to be done.
      if (calls % callsInARow === 0) await new Promise(setImmediate)
      else if (next % callsInARow === 0) stopped ||= performance.now() - start >= seconds * 1000
      const result = await run(next++)
      if (result === undefined || result === false) throw new Error(`a call came back with ${result}`)
    }
  }
  const timer = setTimeout(() => {
    stopped = true
  }, seconds * 1000)
  try {
    await Promise.all(Array.from({ length: inFlight }, work))
  } finally {
    stopped = true
    clearTimeout(timer)
  }
  return { operations: next - first, seconds: (performance.now() - start) / 1000 }
}
