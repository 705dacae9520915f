import { PerformanceObserver } from 'node:perf_hooks'

interface Weighed {
  readonly bytes: number
  readonly operations: number
}

const warmUp = 20_000
const mostCalls = 20_000

/** Heap for so many calls that nothing is collected meanwhile. `--expose-gc` makes the beginning the same for all. */
export const roomyHeap = ['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256'] as const

/**
 * What the heap grows by for each call while nothing is collected, which is what is allocated. Where something was collected
 * all the same, it is measured again with half the calls.
 *
 * @throws Error when no number of calls goes without a collection
 */
export async function bytesPerCall(
  run: (i: number) => Promise<unknown>,
  first: number,
  inFlight: number,
): Promise<Weighed> {
  let next = first
  async function calls(count: number): Promise<void> {
    const end = next + count
    const work = async () => {
      while (next < end) await run(next++)
    }
    await Promise.all(Array.from({ length: inFlight }, work))
  }
  let collections = 0
  const observer = new PerformanceObserver(list => {
    collections += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  try {
    await calls(warmUp)
    for (let count = mostCalls; count >= 1_000; count /= 2) {
      globalThis.gc?.()
      await settled()
      collections = 0
      const before = process.memoryUsage().heapUsed
      await calls(count)
      const grown = process.memoryUsage().heapUsed - before
      await settled()
      if (collections === 0) return { bytes: grown / count, operations: next - first }
    }
  } finally {
    observer.disconnect()
  }
  throw new Error('there was no room on the heap for a thousand calls')
}

/** The observer is told in a turn of its own. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise(resolve => setTimeout(resolve, 5))
}
