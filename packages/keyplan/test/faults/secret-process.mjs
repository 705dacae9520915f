// A process of its own that meets its end with a password at hand, for the test of what it says then. Runs on the build.
import { connect } from '../../dist/client/index.js'
import { cache, definePlan, text } from '../../dist/index.js'

const plan = definePlan('shop', { page: cache('page:<id>', { ttl: '1m', value: text(), whenDown: 'fail' }) })
const client = await connect(plan, { start: 'required', connectTimeout: '20s' })
await client.page({ id: 1 }).set('text')
console.log(client, client.$status, client.$stats(), process.argv)
// Nobody catches this.
await client.$command('acl', ['setuser', 'x', `?${process.env.CANARY}`])
