// A process of its own that works under a lock, for the tests that pull it away. Runs on the build.
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../dist/client/index.js'
import { cache, definePlan, json, lock } from '../../dist/index.js'

const [task, url, sinkUrl, group, ttl, rounds, keys] = process.argv.slice(2)
const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)
const plan = definePlan('holders', { locks: lock('held:<group>', { ttl }) })
const sinkPlan = definePlan('sinks', { sink: cache('sink:<group>', { ttl: '1h', value: json() }) })
const redis = await connect(plan, { url, log: false })
const sinks = await connect(sinkPlan, { url: sinkUrl, log: false })
const mine = redis.locks({ group })
const sink = sinks.sink({ group })
let stopping = false

createInterface({ input: process.stdin }).on('line', line => {
  const [verb, ms] = line.split(' ')
  if (verb === 'stop') stopping = true
  // Nothing else runs here meanwhile: no timer, no reply.
  if (verb === 'block') for (const end = Date.now() + Number(ms); Date.now() < end; );
})

const tasks = {
  /** Stands by while it has it, so that only what is done to it ends that. */
  async hold() {
    while (!stopping) {
      const held = await mine.acquire({ wait: '5s' }).catch(() => undefined)
      if (!held) continue
      const fence = String(held.fence)
      await sink.set({ fence }, { fence: held.fence })
      say({ got: fence })
      while (!held.signal.aborted && !stopping) await sleep(2)
      const { code } = held.signal.reason ?? {}
      // Let the other one write first, then write late.
      await sleep(30)
      const late = await sink.set({ fence }, { fence: held.fence })
      say({ end: fence, lost: held.signal.aborted, code, late })
      await held[Symbol.asyncDispose]()
    }
  },
  /**
   * Takes `<group>1`, `<group>2` and so on again and again, each by two callers; the sink's server counts who is inside. Each key
   * is contended for by all processes, and hand-overs of several go on at once.
   */
  async contend() {
    const left = Array.from({ length: Number(keys) }, () => Number(rounds))
    const take = (contended, key) =>
      redis.locks({ group: contended }).run(
        async ({ fence }) => {
          const [inside] = await sinks.$transaction([
            ['incr', `inside:${contended}`],
            ['rpush', `fences:${contended}`, String(fence)],
          ])
          if (inside !== 1) say({ overlap: inside, key })
          await sinks.$command('decr', [`inside:${contended}`])
        },
        { wait: '2m' },
      )
    const call = async key => {
      while (left[key]-- > 0) await take(`${group}${key + 1}`, key)
    }
    await Promise.all(left.flatMap((_, key) => [call(key), call(key)]))
    say({ done: Number(rounds) })
  },
}

await tasks[task]()
await Promise.all([redis.$close(), sinks.$close()])
process.exit(0)
