// A worker in a process of its own, which writes what it does, a line of JSON each, before it is acknowledged. Runs on the
// build. A value of -1 ends the process, -2 throws what is no error, -3 never returns, and -4 ends it once, between what it does
// and its acknowledgement.
import { writeSync } from 'node:fs'
import { connect } from '../../dist/client/index.js'
import { definePlan, json, stream } from '../../dist/index.js'

const [url, options = '{}'] = process.argv.slice(2)
const { attempts = 3, claimAfter = '400ms', slow = 0, idempotency, work = {} } = JSON.parse(options)
const say = words => writeSync(1, `${JSON.stringify(words)}\n`)

const plan = definePlan('streams', {
  events: stream('events', {
    value: json(),
    groups: { workers: { start: '0' } },
    retry: { attempts, delay: '20ms', max: '100ms' },
    claimAfter,
    block: '500ms',
    batch: 20,
    keep: { entries: 1_000_000 },
    idempotency,
  }),
})
const redis = await connect(plan, { url, log: false, backoff: { min: '10ms', max: '100ms' } })
redis.$on(
  'notice',
  ({ type, reason, ids, count, missed }) => type === 'gap' && say({ gap: reason, ids, count: count ?? missed }),
)
const worker = redis.events.work(
  'workers',
  async ({ value: { n }, delivery, token }) => {
    say({ begun: n, delivery })
    if (n === -1) process.kill(process.pid, 'SIGKILL')
    if (n === -2) throw null
    if (n === -3) await new Promise(() => {})
    if (n === -4) {
      const isFirst = await redis.$command('set', [`sink:${token}`, 'done', 'NX'])
      say({ effect: isFirst === 'OK' ? token : undefined })
      if (delivery === 1) process.kill(process.pid, 'SIGKILL')
    }
    if (slow > 0) await new Promise(resolve => setTimeout(resolve, slow))
    say({ handled: n })
  },
  { concurrency: 5, prefetch: 20, timeout: '2s', ...work },
)
process.once('SIGTERM', async () => {
  await redis.$close()
  say({ closed: worker.figures })
})
say({ ready: worker.consumer })
