import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeEach } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { cache, definePlan, lock, rateLimit, text } from '../../src/index.ts'
import { until } from '../live-server.ts'
import type { Served } from './http/limit-promises.ts'

export const plan = definePlan('stores', {
  api: rateLimit('api:<key>', { limit: 3, window: '1h' }),
  login: rateLimit('login:<key>', { limit: 1, window: '1m', algorithm: 'sliding-window' }),
  blocking: rateLimit('blocking:<key>', { limit: 3, window: '1h', block: { for: '1m', onDenied: true } }),
  denied: rateLimit('denied:<key>', { limit: 3, window: '2h', whenDown: 'deny' }),
  pair: rateLimit('pair:<a>:<b>', { limit: 3, window: '1h' }),
  reports: lock('lock:<id>', { ttl: '5s' }),
  texts: cache('text:<key...>', { ttl: '1h', value: text() }),
})

/** A client, before each test, of a server that the test may kill, and the applications that it serves meanwhile. */
export function limitedServer() {
  let server: RedisProcess
  let redis: Client<(typeof plan)['namespaces']>
  const open: Served[] = []
  beforeEach(async () => {
    server ??= await startRedis()
    if (!server.running) await server.restart()
    redis = await connect(plan, { url: server.url, log: false, deadline: '1s', attempt: '500ms' })
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map(({ close }) => close()))
    if (server.running) await redis.$command('flushall')
    await redis.$close()
  })
  afterAll(() => server?.cleanUp())
  return {
    get redis() {
      return redis
    },
    /** Gives a way to ask an application, and ends it after the test. */
    asking(served: Served) {
      open.push(served)
      return (path = '', init?: RequestInit) => fetch(served.url + path, init)
    },
    async kill() {
      await server.kill()
      await until(() => redis.$status.state !== 'connected')
    },
    async restart() {
      await server.restart()
      await until(() => redis.$status.state === 'connected')
    },
  }
}
