import { type RedisProcess, startRedis } from '@keyplan/local'
import { afterAll, afterEach, beforeEach } from 'vitest'
import { type Client, connect } from '../src/client/index.ts'
import type { Namespaces, Plan } from '../src/index.ts'
import { until } from './live-server.ts'

/** A client, before each test, of a server that the test may kill, and whatever uses it meanwhile. */
export interface KillableServer<N extends Namespaces> {
  readonly redis: Client<N>
  /** Another client of the same server, as another process has it. */
  another(): Promise<Client<N>>
  /** Is closed after the test, before the clients are. */
  closing<T extends { close(): Promise<unknown> }>(user: T): T
  /** Kills the server, which keeps what it held if that is said, and waits until it is missed. */
  kill(options?: { saved: boolean }): Promise<void>
  /** Starts the server again, and waits until the client has it. */
  restart(): Promise<void>
}

export function killableServer<N extends Namespaces>(plan: Plan<N>): KillableServer<N> {
  let server: RedisProcess
  let redis: Client<N>
  const users: { close(): Promise<unknown> }[] = []
  const others: Client<N>[] = []
  const open = () => connect(plan, { url: server.url, log: false, deadline: '1s', attempt: '500ms' })

  beforeEach(async () => {
    server ??= await startRedis()
    if (!server.running) await server.restart()
    redis = await open()
  })
  afterEach(async () => {
    await Promise.all(users.splice(0).map(({ close }) => close()))
    if (server.running) await redis.$command('flushall')
    await Promise.all([redis, ...others.splice(0)].map(client => client.$close()))
  })
  afterAll(() => server?.cleanUp())

  return {
    get redis() {
      return redis
    },
    async another() {
      const client = await open()
      others.push(client)
      return client
    },
    closing(user) {
      users.push(user)
      return user
    },
    async kill({ saved } = { saved: false }) {
      if (saved) await redis.$command('save')
      await server.kill()
      await until(() => redis.$status.state !== 'connected')
    },
    async restart() {
      await server.restart()
      await until(() => redis.$status.state === 'connected')
    },
  }
}
