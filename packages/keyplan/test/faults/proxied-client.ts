import { type FaultProxy, type RedisOptions, type RedisProcess, startProxy, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import { type ConnectOptions, connect } from '../../src/client/index.ts'
import { cache, definePlan, foreign, json, lock, rateLimit, text } from '../../src/index.ts'

/** One namespace for each answer to an outage, and one for plain commands. */
export const plan = definePlan('faults', {
  note: cache('note:<id>', { ttl: '1h', value: text(), whenDown: 'fail' }),
  page: cache('page:<id>', { ttl: '1h', value: json<{ text: string }>() }),
  visits: rateLimit('visits:<id>', { limit: 1_000, window: '1h', whenDown: 'deny' }),
  desk: lock('desk:<id>', { ttl: '2s', retry: { attempts: 40, delay: '50ms' } }),
  raw: foreign('raw:<id>', { kind: 'commands' }),
})

type ClientOfPlan = Awaited<ReturnType<typeof connect<(typeof plan)['namespaces']>>>

/** A client, and what it has said. */
export interface Watched {
  readonly client: ClientOfPlan
  /** Log lines, and events by name, since it was opened. */
  readonly lines: readonly string[]
  readonly told: readonly string[]
}

/** Opens a client of the plan. Links are made anew quickly, so that a test need not wait for them. */
export async function openWatched(options: ConnectOptions): Promise<Watched> {
  const lines: string[] = []
  const told: string[] = []
  const client = await connect(plan, {
    backoff: { min: '20ms', max: '100ms' },
    log: (level, line) => void lines.push(`${level} ${line}`),
    ...options,
  })
  for (const event of ['connected', 'reconnecting', 'breaker', 'gap', 'degraded'] as const) {
    client.$on(event, detail => void told.push('state' in detail ? `${event} ${detail.state}` : event))
  }
  return { client, lines, told }
}

export interface ProxiedClients {
  readonly server: RedisProcess
  /** A new one for each test. */
  readonly proxy: FaultProxy
  /** A client that reaches the server through the proxy. Closed after the test, if the test has not done so. */
  open(options?: ConnectOptions): Promise<Watched>
  /** The same past the proxy. */
  openDirect(options?: ConnectOptions): Promise<Watched>
}

/** Gives the tests of a file one server, running and empty before each of them, and clients of it. */
export function proxiedClients(options: RedisOptions = {}): ProxiedClients {
  let server: RedisProcess
  let proxy: FaultProxy
  const opened: ClientOfPlan[] = []
  const openAt = async (port: number, further: ConnectOptions) => {
    const watched = await openWatched({ url: `redis://127.0.0.1:${port}`, ...further })
    opened.push(watched.client)
    return watched
  }

  beforeAll(async () => {
    server = await startRedis(options)
  })
  afterAll(() => server.cleanUp())
  beforeEach(async () => {
    if (!server.running) await server.restart()
    await server.ask('FLUSHALL')
    await server.ask('CONFIG', 'RESETSTAT')
    proxy = await startProxy({ to: server.port })
  })
  afterEach(async () => {
    for (const client of opened.splice(0)) await client.$close()
    await proxy.close()
  })

  return {
    get server() {
      return server
    },
    get proxy() {
      return proxy
    },
    open: (further = {}) => openAt(proxy.port, further),
    openDirect: (further = {}) => openAt(server.port, further),
  }
}
