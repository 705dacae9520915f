// A process of its own that misses one key many times at once, for the test of the load of all processes. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { cache, definePlan, json } from '../../dist/index.js'

const [url, reads] = process.argv.slice(2)
const values = cache('value:<id>', { ttl: '1h', value: json(), acrossProcesses: true })
const redis = await connect(definePlan('caches', { values }), { url, start: 'required' })
const say = words => process.stdout.write(`${JSON.stringify(words)}\n`)

say('ready')
await new Promise(resolve => process.stdin.once('data', resolve))
let loads = 0
const load = async () => {
  loads++
  await new Promise(resolve => setTimeout(resolve, 200))
  return { loaded: true }
}
const answers = await Promise.all(
  Array.from({ length: Number(reads) }, () => redis.values({ id: 'a' }).getOrLoad(load)),
)
say({ loads, answered: answers.filter(answer => answer?.loaded).length })
await redis.$close()
process.exit()
