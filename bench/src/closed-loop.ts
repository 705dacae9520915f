import { performance } from 'node:perf_hooks'

/** What a closed loop did. `seconds` runs until its last call is back. */
export interface LoopResult {
  readonly operations: number
  readonly seconds: number
}

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
  const work = async () => {
    while (!stopped) {
      const result = await run(next++)
      if (result === undefined || result === false) throw new Error(`a call came back with ${result}`)
    }
  }
  const start = performance.now()
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
