import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RespConnection } from '@keyplan/local'
import type { Call } from '../../src/base/call.ts'
import { realClock } from '../../src/base/clock.ts'
import { createBreaker } from '../../src/guard/breaker.ts'
import { createBareGuard, createGuard } from '../../src/guard/guard.ts'
import type { Notice, Server } from '../../src/kinds/kind.ts'
import { lock } from '../../src/kinds/lock/contract.ts'
import { lockKind } from '../../src/kinds/lock/kind.ts'
import { lockNames } from '../../src/kinds/lock/names.ts'
import { createRedisLockStore } from '../../src/kinds/lock/redis.ts'
import { lockScripts } from '../../src/kinds/lock/scripts.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { openServer } from '../../src/redis/server.ts'
import { type LockClient, type LockHarness, type LockTestOptions, ttlMs } from '../conformance/lock.ts'

const pattern = parsePattern('lock:<id>')

export interface Connection extends Server {
  close(): Promise<void>
}

export async function connectTo(port: number): Promise<Connection> {
  const breaker = createBreaker({ failures: 5, successes: 2, probeEvery: 30_000 }, realClock, () => {})
  const { redis, close } = await new Promise<ReturnType<typeof openServer>>(resolve => {
    const server = openServer(
      {
        endpoint: { host: '127.0.0.1', port, database: 0 },
        name: 'keyplan:locks',
        scripts: lockScripts,
        connectTimeout: 5_000,
        stall: 1_000,
        pingEvery: 3_000,
        backoff: { min: 20, max: 100 },
        waiting: { calls: 1_000, bytes: 1_000_000 },
      },
      realClock,
      ({ type }) => {
        if (type !== 'ready') return
        breaker.serverIsBack()
        resolve(server)
      },
    )
    server.start()
  })
  return { redis, guard: createGuard({ attempt: 1_000, deadline: 5_000 }, breaker, realClock, () => {}), close }
}

export interface RedisLockClient extends LockClient {
  readonly notices: Notice[]
}

let instances = 0

export function openClient(server: Server, options: LockTestOptions = {}): RedisLockClient {
  const notices: Notice[] = []
  const { client, close } = lockKind.open(lock<string>('lock:<id>', { ttl: `${ttlMs}ms`, ...options }), {
    name: 'locks',
    pattern,
    clock: realClock,
    instance: `client-${++instances}`,
    server,
    bare: createBareGuard(),
    notify: notice => notices.push(notice),
  })
  return { locks: client, close, notices }
}

export const openStore = (redis: Redis) => createRedisLockStore(redis, lockNames(pattern), realClock)

export function callFor(remainingMs = 5_000): Call {
  return { expires: realClock.now() + remainingMs, hold: true, written: false }
}

/** Real servers, emptied between tests, and what was opened on them. */
export async function redisHarness(port: number): Promise<LockHarness & { ask: RespConnection['ask'] }> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  await plain.ask('CONFIG', 'RESETSTAT')
  const connections: Connection[] = []
  const clients: LockClient[] = []
  async function connected(): Promise<Connection> {
    const connection = await connectTo(port)
    connections.push(connection)
    return connection
  }
  return {
    store: openStore((await connected()).redis),
    async client(options) {
      const client = openClient(await connected(), options)
      clients.push(client)
      return client
    },
    call: callFor,
    advance: ms => sleep(ms),
    ask: plain.ask,
    async close() {
      for (const client of clients) await client.close()
      for (const connection of connections) await connection.close()
      plain.close()
    },
  }
}

/** Waits for what happens soon; the test's own timeout is the bound. */
export async function until<T>(read: () => T | Promise<T>, good: (value: T) => boolean): Promise<T> {
  for (;;) {
    const value = await read()
    if (good(value)) return value
    await sleep(5)
  }
}
