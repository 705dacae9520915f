import {
  connectResp,
  type FaultProxy,
  type RedisProcess,
  type RespConnection,
  startProxy,
  startRedis,
} from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { connectTo, type LiveServer, openTo } from '../live-server.ts'

export interface ProxiedServer {
  /** Asks the server past the proxy. */
  readonly direct: RespConnection
  /** A new one for each test. */
  readonly proxy: FaultProxy
  /** `openTo` the proxy. Closed after the test, if the test has not done so. */
  open: (overrides?: Parameters<typeof openTo>[1]) => LiveServer
  /** `connectTo` the proxy. Closed as with `open`. */
  connect: (overrides?: Parameters<typeof connectTo>[1]) => Promise<LiveServer>
}

/** Gives the tests of a file one server, empty before each of them, behind a proxy that breaks the way to it. */
export function proxiedServer(): ProxiedServer {
  let server: RedisProcess
  let direct: RespConnection
  let proxy: FaultProxy
  const opened: LiveServer[] = []
  const noted = (live: LiveServer): LiveServer => {
    opened.push(live)
    return live
  }

  beforeAll(async () => {
    server = await startRedis()
    direct = await connectResp({ port: server.port })
  })
  afterAll(async () => {
    direct.close()
    await server.cleanUp()
  })
  beforeEach(async () => {
    await direct.ask('FLUSHALL')
    proxy = await startProxy({ to: server.port })
  })
  afterEach(async () => {
    for (const live of opened.splice(0)) await live.close()
    await proxy.close()
  })

  return {
    get direct() {
      return direct
    },
    get proxy() {
      return proxy
    },
    open: overrides => noted(openTo(proxy.port, overrides)),
    connect: async overrides => noted(await connectTo(proxy.port, overrides)),
  }
}
