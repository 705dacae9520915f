// Counts in a shared document as one of several processes. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { definePlan, document, json } from '../../dist/index.js'

const [url, updates] = process.argv.slice(2)
const plan = definePlan('boards', { board: document('board:<id>', { ttl: '1h', value: json() }) })
const redis = await connect(plan, { url, backoff: { min: '20ms', max: '100ms' }, deadline: '20s', log: () => {} })
let done = 0
let unknown = 0
let failed = 0
const one = async () => {
  try {
    await redis.board({ id: 1 }).update(board => ({ count: (board?.count ?? 0) + 1 }))
    done++
  } catch (error) {
    if (error.outcome === 'unknown') unknown++
    else failed++
  }
}
await Promise.all(Array.from({ length: Number(updates) }, one))
await redis.$close()
process.stdout.write(JSON.stringify({ done, unknown, failed }))
