// A process of its own that uses a client, for the tests of how it ends. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { cache, channel, definePlan, feed, json, lock } from '../../dist/index.js'

const [url, task] = process.argv.slice(2)
const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)
process.on('unhandledRejection', error => {
  say({ unhandled: String(error) })
  process.exit(70)
})

const plan = definePlan('end', {
  profile: cache('profile:<id>', { ttl: '1m', value: json() }),
  checkout: lock('checkout:<id>', { ttl: '5s' }),
  events: channel('events:<id>', { value: json() }),
  news: feed('news:<id>', { value: json(), ttl: '1h', keep: { count: 10 } }),
})
/** Standard output is no matter of the client's. */
const isKept = resource => /Timeout|Immediate|TCP/.test(resource)
const quiet = { url, log: () => {}, backoff: { min: '5ms', max: '50ms' } }

const next = async entries => {
  for await (const _ of entries) return
}
const aborted = signal => new Promise(resolve => signal.addEventListener('abort', resolve))

/** Waits in memory for what does not come. The timer alone would not keep the process alive until it closes the client. */
async function waiting(wait) {
  const client = await connect(plan, { log: () => {}, memory: true })
  setTimeout(() => {
    say({ alive: true })
    void client.$close()
  }, 300).unref()
  await wait(client).catch(() => {})
  say({ ended: true })
}

const tasks = {
  async use() {
    const client = await connect(plan, quiet)
    await client.profile({ id: 1 }).getOrLoad(() => ({ name: 'Ada' }))
    await client.checkout({ id: 1 }).run(() => 'done')
    await client.$close()
    say({ closed: true })
  },
  /** Nothing but the client keeps the process alive. */
  async required() {
    try {
      await connect(plan, { ...quiet, start: 'required', connectTimeout: '1s' })
    } catch (error) {
      say({ code: error.code })
      process.exitCode = error.exitCode
    }
  },
  async optional() {
    const client = await connect(plan, quiet)
    const held = await client.$command('PING', [], { deadline: '300ms' }).catch(error => error)
    await client.$close()
    // What lasts a moment is over then, and nothing else is to keep the process.
    await new Promise(resolve => setTimeout(resolve, 50))
    say({ code: held.code, outcome: held.outcome, left: process.getActiveResourcesInfo().filter(isKept) })
  },
  messages: () => waiting(client => next(client.events({ id: 1 }).messages())),
  follow: () => waiting(client => next(client.news({ id: 1 }).follow())),
  lead: () => waiting(client => client.checkout({ id: 1 }).lead(({ signal }) => aborted(signal)).ended),
  /** Thousands of calls while links come and go, some of them with nobody waiting for the others to end. */
  async trouble() {
    const client = await connect(plan, quiet)
    let made = 0
    let settled = 0
    const calls = []
    const end = Date.now() + 1_500
    while (Date.now() < end || made < 1_200) {
      for (let index = 0; index < 20; index++) {
        const signal = index % 4 === 0 ? AbortSignal.timeout(10) : undefined
        const options = { signal, deadline: index % 3 === 0 ? '20ms' : '1s' }
        calls.push(
          client.$command('ECHO', [String(index)], options),
          client.profile({ id: index }).get(options),
          client.checkout({ id: index }).run(() => index, { ...options, wait: '50ms' }),
        )
      }
      made += calls.length
      for (const call of calls.splice(0)) call.catch(() => {}).finally(() => settled++)
      await new Promise(resolve => setTimeout(resolve, 10))
    }
    await client.$close()
    await new Promise(resolve => setImmediate(resolve))
    say({ made, settled })
  },
}
await tasks[task]()
