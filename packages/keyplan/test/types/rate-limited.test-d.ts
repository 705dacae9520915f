import { rateLimited } from '../../src/adapters/express.ts'
import type { Client } from '../../src/client/index.ts'
import { definePlan, rateLimit } from '../../src/index.ts'

const plan = definePlan('limits', {
  perIp: rateLimit('ip:<client>', { limit: 5, window: '1m' }),
  perKey: rateLimit('key:<key>:<tenant>', { limit: 5, window: '1m' }),
})
declare const redis: Client<typeof plan>

rateLimited(redis.perIp)
rateLimited(redis.perKey, { params: request => ({ key: request.path, tenant: 1 }) })
rateLimited([redis.perIp, { limit: redis.perKey, params: request => ({ key: request.path, tenant: 1 }), name: 'key' }])
rateLimited([redis.perIp], { cost: 2 })
// @ts-expect-error a param is missing
rateLimited([redis.perIp, { limit: redis.perKey, params: () => ({ key: 'k' }) }])
// @ts-expect-error params belong to each
rateLimited([redis.perIp], { params: () => ({ client: 'c' }) })
