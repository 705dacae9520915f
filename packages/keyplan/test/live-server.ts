import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from '../src/base/call.ts'
import { realClock } from '../src/base/clock.ts'
import type { Breaker, BreakerSettings } from '../src/guard/breaker.ts'
import { createBreakers } from '../src/guard/breakers.ts'
import { createGuard, type Guard } from '../src/guard/guard.ts'
import type { Operation } from '../src/guard/operation.ts'
import type { Patience } from '../src/guard/patience.ts'
import { createTally } from '../src/guard/tally.ts'
import type { Server } from '../src/kinds/kind.ts'
import type { NodeEvent } from '../src/redis/node-event.ts'
import { openServer, type ServerConnection } from '../src/redis/server.ts'
import type { Access, NodeSettings, Target } from '../src/redis/settings.ts'

type Overrides = Partial<NodeSettings & BreakerSettings & Patience & { path: string; database: number } & Access>

/** A server under its guard, as the client has it. */
export interface LiveServer extends Server, AsyncDisposable {
  readonly breaker: Breaker
  readonly connection: ServerConnection
  /** What the connection has told so far. */
  readonly events: readonly NodeEvent[]
  close(): Promise<void>
}

/** Begins connecting to a port of this machine. */
export function openTo(port: number, overrides: Overrides = {}): LiveServer {
  const { path, database = 0, username, password, tls, ...rest } = overrides
  return openTarget(
    { addresses: [path ? { path } : { host: '127.0.0.1', port }], database, access: { username, password, tls } },
    rest,
  )
}

/** Begins connecting to any topology, with the library's defaults but a short backoff. */
export function openTarget(
  target: Partial<Target>,
  overrides: Partial<NodeSettings & BreakerSettings & Patience> = {},
): LiveServer {
  const events: NodeEvent[] = []
  const breakers = createBreakers({ failures: 5, successes: 2, probeEvery: 30_000, ...overrides }, realClock, () => {})
  const connection = openServer(
    {
      target: {
        topology: 'standalone',
        addresses: [],
        replicas: [],
        access: {},
        database: 0,
        readFrom: 'any',
        pool: 1,
        maxRedirects: 16,
        natMap: {},
        ...target,
      },
      name: 'keyplan:test',
      scripts: [],
      connectTimeout: 5_000,
      stall: 1_000,
      pingEvery: 3_000,
      flush: 100,
      inFlight: 10_000,
      backoff: { min: 20, max: 100 },
      waiting: { calls: 1_000, bytes: 1_000_000 },
      ...overrides,
    },
    realClock,
    event => {
      if (event.type === 'ready') breakers.of(event.lane).serverIsBack()
      events.push(event)
    },
  )
  connection.start()
  const { redis, readers, close } = connection
  const lane = target.topology === 'cluster' ? redis.lane : undefined
  const breakerOf = (key: string | undefined) => breakers.of(key === undefined ? '' : (lane?.(key) ?? ''))
  const guard = createGuard({
    patience: { attempt: 1_000, deadline: 5_000, ...overrides },
    breakerOf,
    tally: createTally(),
    clock: realClock,
    fellBack: () => {},
  })
  return {
    redis,
    readers,
    guard,
    lane,
    slowestReconnect: 100,
    breaker: breakers.of(''),
    connection,
    events,
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Like `openTo`, and waits for the link. */
export async function connectTo(port: number, overrides?: Overrides): Promise<LiveServer> {
  const server = openTo(port, overrides)
  await until(() => server.connection.state === 'ready')
  return server
}

/**
 * The same, where a step that has a fallback is given as much time as any other: for tests of what holds while the server answers,
 * so that none falls back because the machine stood still for a moment.
 */
export function patient(server: LiveServer): LiveServer {
  const { guard } = server
  const run: Guard['run'] = ({ operation: { attempt: _, ...operation }, ...subject }, ...rest) =>
    guard.run({ ...subject, operation }, ...rest)
  return { ...server, guard: { run } }
}

/** The terms of a call that is made without a guard. */
export function callFor(ms = 5_000, hold = true): Call {
  return { expires: realClock.now() + ms, hold, written: 0 }
}

/** Sends commands under the guard, as one kind of operation. */
export function sender({ guard, redis }: Server, operation: Partial<Operation> = {}) {
  const subject = { namespace: 'test', name: 'send', operation: { idempotent: false, write: true, ...operation } }
  return (command: string, args: (string | number)[] = [], options?: Parameters<typeof guard.run>[1]) =>
    guard.run(subject, options, call => redis.send(command, args, call), undefined, { key: String(args[0]) })
}

/** Waits until what is read is there and true, and gives it. The test's own timeout is the bound. */
export async function until<T>(read: () => T | Promise<T>): Promise<Exclude<T, false | undefined | null>> {
  for (;;) {
    const found = await read()
    if (found) return found as Exclude<T, false | undefined | null>
    await sleep(5)
  }
}
