import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RespConnection } from '@keyplan/local'
import { realClock } from '../../src/base/clock.ts'
import { KeyplanError } from '../../src/base/error.ts'
import { type Guarded, guarded } from '../../src/guard/guarded.ts'
import type { Notice, Server } from '../../src/kinds/kind.ts'
import { once } from '../../src/kinds/once/contract.ts'
import { openOnce } from '../../src/kinds/once/handle.ts'
import { createRedisMarkStore } from '../../src/mechanisms/mark/redis.ts'
import { markScripts } from '../../src/mechanisms/mark/scripts.ts'
import { type MarkStore, markOperations } from '../../src/mechanisms/mark/store.ts'
import { redisWake } from '../../src/mechanisms/wake.ts'
import { helperKey } from '../../src/plan/pattern/helper-key.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { declared, type OnceClient, type OnceHarness, type OnceTestOptions } from '../conformance/once.ts'
import { callFor, connectTo as connectToServer, type LiveServer } from '../live-server.ts'

const pattern = parsePattern('pay:<id>')
const wakeOf = (key: string) => helperKey(key, false, 'wake')

export const connectTo = (port: number) => connectToServer(port, { name: 'keyplan:once', scripts: markScripts })

/** Steps of a client that can be made to look dead: it renews and gives back nothing any more, and may still settle. */
export function cutOff(steps: Guarded<MarkStore>): { steps: Guarded<MarkStore>; vanish(): void } {
  let gone = false
  const unless = <Args extends unknown[], Result>(step: (...args: Args) => Promise<Result>) => {
    const dead = () => Promise.reject(new KeyplanError('TIMEOUT', 'the process is gone', { outcome: 'not-executed' }))
    return (...args: Args): Promise<Result> => (gone ? dead() : step(...args))
  }
  return {
    steps: { ...steps, renew: unless(steps.renew), withdraw: unless(steps.withdraw) },
    vanish() {
      gone = true
    },
  }
}

export interface RedisOnceClient extends OnceClient {
  readonly notices: Notice[]
}

let instances = 0

export const openStore = (redis: Redis) => createRedisMarkStore(redis, wakeOf, realClock, 'text')

export function openClient(server: Server, options: OnceTestOptions = {}): RedisOnceClient {
  const notices: Notice[] = []
  const { steps, vanish } = cutOff(guarded('payments', openStore(server.redis), markOperations, server.guard))
  const { client, close } = openOnce(
    once('pay:<id>', { ...declared, ...options }).options,
    steps,
    redisWake(server.redis),
    wakeOf,
    {
      name: 'payments',
      pattern,
      clock: realClock,
      instance: `client-${++instances}`,
      server,
      notify: notice => void notices.push(notice),
    },
  )
  return { payments: client, vanish, close, notices }
}

export interface RedisOnceHarness extends OnceHarness {
  client(options?: OnceTestOptions): Promise<RedisOnceClient>
  readonly ask: RespConnection['ask']
}

/** A real server, emptied between tests, and what was opened on it. */
export async function redisHarness(port: number): Promise<RedisOnceHarness> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  await plain.ask('CONFIG', 'RESETSTAT')
  const connections: LiveServer[] = []
  const clients: OnceClient[] = []
  async function connected(): Promise<LiveServer> {
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
