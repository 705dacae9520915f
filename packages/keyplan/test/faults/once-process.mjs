// Works through operations as one of several processes, in any of which each of them may be under way at the same time. What
// it does is noted in a file, which survives its own end by kill -9. Runs on the build.
import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from '../../dist/client/index.js'
import { definePlan, foreign, once, text } from '../../dist/index.js'

const [url, file, firstId, lastId, lease] = process.argv.slice(2)
const inFlight = 40

const terms = { ttl: '1h', lease, value: text() }
const plan = definePlan('onces', {
  rerun: once('rerun:<id>', { ...terms, onCrash: 'rerun' }),
  refuse: once('refuse:<id>', { ...terms, onCrash: 'refuse' }),
  commit: once('{commit:<id>}:mark', { ...terms, onCrash: 'rerun' }),
  effect: foreign('{commit:<id>}:effect', { kind: 'counter' }),
})
const backoff = { min: '20ms', max: '100ms' }
const redis = await connect(plan, { url, backoff, log: () => {} })
const note = (...words) => appendFileSync(file, `${words.join(' ')}\n`)

/** The effect of an operation is a line in the file: what a sink outside of Redis would see. */
const work = (kind, id) => async run => {
  note('ran', kind, id, run.token, run.attempt)
  await sleep(Math.random() * 10)
  const result = randomUUID()
  return kind === 'commit' ? run.commit([['incr', redis.effect.key({ id })]], result) : result
}

async function one(kind, id) {
  try {
    const answer = await redis[kind]({ id }).tryRun(work(kind, id), { deadline: '1s', payload: { id } })
    note(answer.state === 'done' ? 'told' : answer.state, kind, id, answer.result ?? '-')
  } catch (error) {
    note('failed', kind, id, error.code ?? error.message, error.outcome ?? '-')
  }
}

let next = Number(firstId)
async function worker() {
  while (next < Number(lastId)) {
    const id = next++
    for (const kind of ['rerun', 'refuse', 'commit']) await one(kind, id)
  }
}
await Promise.all(Array.from({ length: inFlight }, worker))
await redis.$close()
process.stdout.write('finished\n')
