import { RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisSix } from '../ioredis-clients.ts'
import { limit, windowSeconds } from './window.ts'

const nodeRedis = 'node-redis'

/** Its calls reject when a limit is reached, which fails the run. */
export const rateLimiterFlexible: SubjectKind = {
  name: 'rate-limiter-flexible',
  clients: [...ioredisClients, nodeRedis],
  async open({ url, client }) {
    const options = { points: limit, duration: windowSeconds, keyPrefix: '' }
    if (client === nodeRedis) {
      const storeClient = createClient({ url })
      await storeClient.connect()
      const limiter = new RateLimiterRedis({ ...options, storeClient, useRedisPackage: true })
      return { run: i => limiter.consume(keyOf(i)).then(() => true), close: () => storeClient.close() }
    }
    const storeClient = openIoredisSix(url, client)
    const limiter = new RateLimiterRedis({ ...options, storeClient })
    return {
      run: i => limiter.consume(keyOf(i)).then(() => true),
      async close() {
        await storeClient.quit()
      },
    }
  },
}
