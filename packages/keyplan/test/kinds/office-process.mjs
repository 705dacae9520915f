// A process of its own that leads, or does what is due once for an interval. Runs on the build.
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { connect } from '../../dist/client/index.js'
import { definePlan, lock } from '../../dist/index.js'

const [url, task, ttl, length] = process.argv.slice(2)
const redis = await connect(definePlan('test', { offices: lock('office:<name>', { ttl }) }), { url, start: 'required' })
const resource = new Redis(url)
const office = redis.offices({ name: 'a' })

const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)

/** A resource that refuses smaller fences than it has seen. */
const write = `
local last = tonumber(redis.call('GET', KEYS[1]) or 0)
if tonumber(ARGV[1]) < last then return redis.call('INCR', KEYS[3]) end
redis.call('SET', KEYS[1], ARGV[1])
return redis.call('RPUSH', KEYS[2], ARGV[1])`

const tasks = {
  /** Writes as often as it can while it leads. */
  async lead() {
    redis.$on('notice', ({ type, reason, fence }) => {
      if (type === 'elected' || type === 'deposed') say({ type, reason, fence: String(fence) })
    })
    await office.lead(async ({ signal, fence }) => {
      while (!signal.aborted) {
        await resource.eval(write, 3, 'last', 'written', 'refused', String(fence))
        await sleep(5)
      }
    }).ended
  },
  /** Tells of the beginning of each run, then takes some time for it. */
  async report() {
    for (;;) {
      const { nextMs } = await office
        .oncePer(length, async ({ start }) => {
          await resource.rpush('runs', String(start))
          say({ start })
          await sleep(200)
        })
        .catch(error => {
          if (error.code !== 'LOCK_LOST') throw error
          return { nextMs: 1 }
        })
      await sleep(nextMs)
    }
  },
}

await tasks[task]()
