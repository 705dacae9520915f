import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, describe } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { bytes, cache, definePlan, text } from '../../src/index.ts'

export const plan = definePlan('consumers', {
  texts: cache('text:<key...>', { ttl: '1h', value: text() }),
  bytes: cache('bytes:<key...>', { ttl: '1h', value: bytes() }),
  strict: cache('strict:<key...>', { ttl: '1h', value: text(), whenDown: 'fail' }),
  strictBytes: cache('strict_bytes:<key...>', { ttl: '1h', value: bytes(), whenDown: 'fail' }),
  one: cache('one:<key>', { ttl: '1h', value: text() }),
  pair: cache('pair:<a>:<b>', { ttl: '1h', value: text() }),
  hidden: cache('hidden:<key>', { ttl: '1h', value: text(), hashed: ['key'] }),
  lone: cache('lone', { ttl: '1h', value: text() }),
})

type Namespaces = (typeof plan)['namespaces']

export interface Consumer {
  readonly redis: Client<Namespaces>
  /** Undefined in memory mode. */
  readonly server: RedisProcess | undefined
}

/** Runs what an adapter promises over a client on a server, and once over one in memory. */
export function overBoth(define: (consumer: Consumer) => void): void {
  for (const mode of ['on Redis', 'in memory'] as const) {
    describe(mode, () => {
      let redis: Client<Namespaces>
      let server: RedisProcess | undefined
      beforeAll(async () => {
        if (mode === 'on Redis') server = await startRedis()
        redis = await connect(plan, server ? { url: server.url, log: false } : { memory: true, log: false })
      })
      beforeEach(async () => {
        await Promise.all([redis.texts.clear(), redis.bytes.clear(), redis.one.clear()])
      })
      afterAll(async () => {
        await redis.$close()
        await server?.cleanUp()
      })
      define({
        get redis() {
          return redis
        },
        get server() {
          return server
        },
      })
    })
  }
}
