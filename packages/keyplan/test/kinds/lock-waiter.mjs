// A process in which nothing but the wait for a lock is under way. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { definePlan, lock } from '../../dist/index.js'

const plan = definePlan('wait', {
  brief: lock('brief:<id>', { ttl: '300ms', renew: false }),
  kept: lock('kept:<id>', { ttl: '1h' }),
})
const redis = await connect(plan, { memory: true, log: () => {} })
await redis.brief({ id: 1 }).tryAcquire()
await redis.kept({ id: 1 }).tryAcquire()
const [freed, first, second] = await Promise.all([
  redis.brief({ id: 1 }).run(() => 'came free', { wait: '20s' }),
  redis.kept({ id: 1 }).acquire({ wait: '400ms' }),
  redis.kept({ id: 1 }).acquire({ attempts: 2, delay: '250ms' }),
])
process.stdout.write(JSON.stringify({ freed, first: first ?? 'none', second: second ?? 'none' }))
