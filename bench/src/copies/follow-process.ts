import { connect } from 'keyplan/client'
import { followPlan } from '../plan.ts'

/** A change was seen, so many milliseconds after it was asked for, by the clock that all processes share. */
export interface Saw {
  readonly ms: number
}

/** Reads one value over and over, nearly always its copy in this process, and tells of each change: `node follow-process.js <url>`. */
async function follow(url: string): Promise<void> {
  const redis = await connect(followPlan, { url, log: false })
  let last = -1
  for (;;) {
    const value = await redis.items({ key: 'followed' }).get()
    if (value && value.number !== last) {
      last = value.number
      process.send?.({ ms: Number(process.hrtime.bigint() - BigInt(value.at)) / 1e6 } satisfies Saw)
    }
    await new Promise(setImmediate)
  }
}

await follow(process.argv[2]!)
