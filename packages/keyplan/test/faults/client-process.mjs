// A process of its own with one client, which tells what it sees and does what it is asked, a line of JSON each. Runs on
// the build.
import { createInterface } from 'node:readline'
import { connect } from '../../dist/client/index.js'
import { cache, definePlan, foreign, text } from '../../dist/index.js'

const [url, options = '{}'] = process.argv.slice(2)
const now = () => performance.timeOrigin + performance.now()
const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)
process.on('unhandledRejection', error => say({ uncaught: String(error) }))

const plan = definePlan('process', {
  note: cache('note:<id>', { ttl: '1h', value: text() }),
  raw: foreign('raw:<id>', { kind: 'commands' }),
})
let lines = 0
const client = await connect(plan, { url, log: () => lines++, ...JSON.parse(options) })
client.$on('connected', () => say({ connected: now() }))
client.$on('reconnecting', () => say({ reconnecting: now() }))

/** What the process holds, after everything that can be freed is. */
async function census() {
  for (let round = 0; round < 4; round++) {
    globalThis.gc?.()
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const resources = {}
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0)
  return { heap: process.memoryUsage().heapUsed, resources, listeners }
}

const verbs = {
  status: async () => ({ state: client.$status.state, error: client.$status.error?.message, lines }),
  ask: async words => ({ reply: await client.$command(...words) }),
  load: async count => {
    const calls = Array.from({ length: count }, (_, id) => client.note({ id }).getOrLoad(() => 'loaded'))
    return { loaded: (await Promise.all(calls)).length }
  },
  census,
  close: async () => {
    await client.$close()
    input.close()
    return { closed: true }
  },
}

const input = createInterface({ input: process.stdin })
input.on('line', async line => {
  const [verb, argument] = JSON.parse(line)
  say(await verbs[verb](argument).catch(error => ({ failed: error.message })))
})
say({ started: now() })
