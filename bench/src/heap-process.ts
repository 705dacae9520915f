import { connect } from 'keyplan/client'
import { itemOf, keyOf } from './dataset.ts'
import { heapUsed } from './heap-used.ts'
import { heapPlan } from './plan.ts'

/**
 * Runs a mix of cache reads, cache writes and rate limits and watches the heap: `node --expose-gc heap-process.js
 * <url> <operations>`. Exits with 1 when the heap after the last operation is not what it was after the warm-up.
 */
const inFlight = 200
const parts = 10
const tolerance = 0.1
/** What is made at first use, and the compiled code, is in place after this many. */
const leastWarmUp = 500_000

async function watchHeap(url: string, operations: number): Promise<boolean> {
  const redis = await connect(heapPlan, { url })
  /** On a machine that stands still for a moment a call is answered by its fallback, which must not leak either. */
  let withoutRedis = 0
  const run = async (i: number): Promise<void> => {
    const key = keyOf(i >> 2)
    const done =
      i % 4 === 0
        ? (await redis.items({ key }).set(itemOf(i >> 2))) === 'done'
        : i % 4 === 3
          ? !(await redis.limits({ key }).consume()).degraded
          : await redis.items({ key }).get()
    if (!done) withoutRedis++
  }

  const start = performance.now()
  let done = 0
  const advance = async (target: number) => {
    const work = async () => {
      while (done < target) await run(done++)
    }
    await Promise.all(Array.from({ length: inFlight }, work))
  }
  await advance(Math.max(leastWarmUp, Math.ceil(operations / parts)))
  const before = await heapUsed()
  print(done, before, before)
  const end = done + operations
  for (let part = 1; part <= parts; part++) {
    await advance(done + Math.ceil((end - done) / (parts - part + 1)))
    print(done, await heapUsed(), before)
  }
  const after = await heapUsed()
  await redis.$close()
  const change = after / before - 1
  const rate = done / ((performance.now() - start) / 1000)
  process.stdout.write(
    `${operations} operations (${Math.round(rate)}/s, ${withoutRedis} answered without Redis) changed the heap by ` +
      `${percent(change)}; ` +
      `at most ±${tolerance * 100} % is right.\n`,
  )
  return Math.abs(change) <= tolerance
}

function print(done: number, heap: number, before: number): void {
  const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(2)
  const { rss, external } = process.memoryUsage()
  process.stdout.write(
    `${String(done).padStart(9)} operations: heap ${mebibytes(heap)} MiB (${percent(heap / before - 1)}), ` +
      `external ${mebibytes(external)} MiB, resident ${mebibytes(rss)} MiB\n`,
  )
}

function percent(share: number): string {
  return `${share < 0 ? '' : '+'}${(share * 100).toFixed(1)} %`
}

const [url, operations] = process.argv.slice(2)
if (!globalThis.gc || !url || !(Number(operations) > 0)) {
  throw new Error('usage: node --expose-gc heap-process.js <redis url> <operations>')
}
process.exitCode = (await watchHeap(url, Number(operations))) ? 0 : 1
