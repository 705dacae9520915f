import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from '../src/base/call.ts'
import { realClock } from '../src/base/clock.ts'
import { type Breaker, type BreakerSettings, createBreaker } from '../src/guard/breaker.ts'
import { createGuard } from '../src/guard/guard.ts'
import type { Operation } from '../src/guard/operation.ts'
import type { Patience } from '../src/guard/retry.ts'
import type { Server } from '../src/kinds/kind.ts'
import { openServer, type ServerConnection, type ServerEvent } from '../src/redis/server.ts'
import type { Endpoint, ServerSettings } from '../src/redis/settings.ts'

type Overrides = Partial<Omit<ServerSettings, 'endpoint'> & BreakerSettings & Patience & Endpoint>

/** A server under its guard, as the client has it. */
export interface LiveServer extends Server, AsyncDisposable {
  readonly breaker: Breaker
  readonly connection: ServerConnection
  /** What the connection has told so far. */
  readonly events: readonly ServerEvent[]
  close(): Promise<void>
}

/** Begins connecting to a port of this machine, with the library's defaults but a short backoff. */
export function openTo(port: number, overrides: Overrides = {}): LiveServer {
  const { host = '127.0.0.1', path, database = 0, username, password, ...rest } = overrides
  const events: ServerEvent[] = []
  const breaker = createBreaker({ failures: 5, successes: 2, probeEvery: 30_000, ...rest }, realClock, () => {})
  const connection = openServer(
    {
      endpoint: { ...(path ? { path } : { host, port }), database, username, password },
      name: 'keyplan:test',
      scripts: [],
      connectTimeout: 5_000,
      stall: 1_000,
      pingEvery: 3_000,
      backoff: { min: 20, max: 100 },
      waiting: { calls: 1_000, bytes: 1_000_000 },
      ...rest,
    },
    realClock,
    event => {
      if (event.type === 'ready') breaker.serverIsBack()
      events.push(event)
    },
  )
  connection.start()
  const guard = createGuard({ attempt: 1_000, deadline: 5_000, ...rest }, breaker, realClock, () => {})
  const { redis, close } = connection
  return { redis, guard, slowestReconnect: 100, breaker, connection, events, close, [Symbol.asyncDispose]: close }
}

/** Like `openTo`, and waits for the link. */
export async function connectTo(port: number, overrides?: Overrides): Promise<LiveServer> {
  const server = openTo(port, overrides)
  await until(() => server.connection.state === 'ready')
  return server
}

/** The terms of a call that is made without a guard. */
export function callFor(ms = 5_000, hold = true): Call {
  return { expires: realClock.now() + ms, hold, written: false }
}

/** Sends commands under the guard, as one kind of operation. */
export function sender({ guard, redis }: Server, operation: Partial<Operation> = {}) {
  const subject = { namespace: 'test', name: 'send', operation: { idempotent: false, write: true, ...operation } }
  return (command: string, args: (string | number)[] = [], options?: Parameters<typeof guard.run>[1]) =>
    guard.run(subject, options, call => redis.send(command, args, call))
}

/** Waits until what is read is there and true, and gives it. The test's own timeout is the bound. */
export async function until<T>(read: () => T | Promise<T>): Promise<T> {
  for (;;) {
    const found = await read()
    if (found) return found
    await sleep(5)
  }
}
