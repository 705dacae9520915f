// A process of its own that uses locks, for the tests that need two of them. Runs on the build.
import { Redis } from 'ioredis'
import { connect } from '../../dist/client/index.js'
import { definePlan, lock } from '../../dist/index.js'

const [url, task, ttl] = process.argv.slice(2)
const redis = await connect(definePlan('test', { locks: lock('lock:<id>', { ttl }) }), { url, start: 'required' })

const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)

const tasks = {
  /** Adds to a counter by reading and writing it apart, which only a lock makes right. */
  async contend() {
    const resource = new Redis(url)
    const fences = []
    for (let round = 0; round < 40; round++) {
      await redis.locks({ id: 'a' }).run(
        async ({ fence }) => {
          const count = Number(await resource.get('counter'))
          await resource.set('counter', String(count + 1))
          await resource.rpush('fences', String(fence))
          fences.push(String(fence))
        },
        { wait: '25s' },
      )
    }
    await resource.quit()
    say({ fences })
  },
  /** Holds it until it is lost, and tells what came of that. */
  async hold() {
    const held = await redis.locks({ id: 'a' }).tryAcquire()
    say({ fence: String(held.fence) })
    if (!held.signal.aborted) await new Promise(resolve => held.signal.addEventListener('abort', resolve))
    say({ reason: held.signal.reason.code, remaining: held.remaining(), released: await held.release() })
  },
}

await tasks[task]()
await redis.$close()
