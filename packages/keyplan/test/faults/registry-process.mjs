// Members of a registry in a process of its own, which says what becomes of them, a line of JSON each. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { definePlan, json, registry } from '../../dist/index.js'

const [url, lease, name, count] = process.argv.slice(2)
const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)
const plan = definePlan('registries', { agents: registry('agents:<id>', { lease, beat: '200ms', metadata: json() }) })
const redis = await connect(plan, { url, log: () => {}, backoff: { min: '20ms', max: '100ms' } })
const joins = Array.from({ length: Number(count) }, (_, n) => {
  const id = `${name}${n}`
  return redis.agents({ id }).join({ capabilities: ['run'], metadata: {}, rejoined: () => say({ rejoined: id }) })
})
await Promise.all(joins)
process.on('SIGTERM', async () => {
  await redis.$close()
  process.exit(0)
})
// A membership keeps no process alive.
setInterval(() => {}, 60_000)
say({ ready: true })
