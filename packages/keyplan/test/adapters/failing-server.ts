import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterEach, beforeEach } from 'vitest'
import { type Client, connect } from '../../src/client/index.ts'
import { until } from '../live-server.ts'
import { plan } from './over-both.ts'

/** A client, before each test, of a server that the test makes fail. */
export function failingServer() {
  let server: RedisProcess
  let redis: Client<(typeof plan)['namespaces']>
  beforeEach(async () => {
    server = await startRedis()
    redis = await connect(plan, { url: server.url, log: false, deadline: '400ms', attempt: '200ms' })
  })
  afterEach(async () => {
    await redis.$close()
    await server.cleanUp()
  })
  return {
    get redis() {
      return redis
    },
    /** Killed, or frozen with its connections open: both times every call must settle, within the timeout of the test. */
    faults: {
      async killed() {
        await server.kill()
        await until(() => redis.$status.state !== 'connected')
      },
      frozen: () => server.pause(),
    },
    async mend() {
      if (server.running) server.resume()
      else await server.restart()
    },
  }
}
