import { type FaultProxy, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, beforeAll, beforeEach, onTestFinished } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../src/client/index.ts'
import type { Namespaces, Plan } from '../../src/index.ts'

export interface ServerBehindProxy<N extends Namespaces> {
  readonly server: RedisProcess
  /** A new one for each test. */
  readonly proxy: FaultProxy
  /** A client that reaches the server through the proxy. Closed with the test. */
  open(options?: ConnectOptions): Promise<Client<N>>
  /** The same past the proxy. */
  openDirect(options?: ConnectOptions): Promise<Client<N>>
}

/** Gives the tests of a file one server, empty before each of them, and clients of a plan of its own. */
export function serverBehindProxy<N extends Namespaces>(plan: Plan<N>): ServerBehindProxy<N> {
  let server: RedisProcess
  let proxy: FaultProxy
  const openAt = async (port: number, options: ConnectOptions = {}) => {
    const url = `redis://127.0.0.1:${port}`
    const backoff = { min: '20ms', max: '100ms' } as const
    const client = await connect(plan, { url, backoff, log: false, start: 'required', ...options })
    onTestFinished(() => client.$close())
    return client
  }

  beforeAll(async () => {
    server = await startRedis()
  })
  afterAll(() => server.cleanUp())
  beforeEach(async () => {
    await server.ask('FLUSHALL')
    const own = await startProxy({ to: server.port })
    proxy = own
    onTestFinished(() => own.close())
  })

  return {
    get server() {
      return server
    },
    get proxy() {
      return proxy
    },
    open: options => openAt(proxy.port, options),
    openDirect: options => openAt(server.port, options),
  }
}
