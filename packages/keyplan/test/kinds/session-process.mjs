// A process of its own that uses sessions, for the tests that kill it. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { definePlan, json, session } from '../../dist/index.js'

const [url, task] = process.argv.slice(2)
const plan = definePlan('test', {
  sessions: session('session:<sessionId>', { ttl: '1h', value: json(), perUser: { by: ({ userId }) => userId } }),
})
const redis = await connect(plan, { url, start: 'required', log: false, deadline: '20s', attempt: '20s', stall: '20s' })

const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)

const told = () => new Promise(resolve => process.stdin.once('data', resolve))

const tasks = {
  /** Begins one session after another, and tells of each. */
  async login() {
    for (;;) say(await redis.sessions.create({ userId: 'ann' }))
  },
  /** Begins one more when it is told to. */
  async 'one more login'() {
    say(await redis.sessions.create({ userId: 'ann' }))
    await told()
    say(await redis.sessions.create({ userId: 'ann' }))
  },
  /** Ends its session when it is told to. */
  async logout() {
    const session = await redis.sessions.create({ userId: 'ann' })
    say(session)
    await told()
    say({ ended: await redis.sessions({ sessionId: session.id }).destroy() })
  },
}

await tasks[task]()
await redis.$close()
process.stdin.destroy()
