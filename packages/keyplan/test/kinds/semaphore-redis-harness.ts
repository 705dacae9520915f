import { setTimeout as sleep } from 'node:timers/promises'
import { connectResp, type RespConnection } from '@keyplan/local'
import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Notice, Server } from '../../src/kinds/kind.ts'
import { semaphore } from '../../src/kinds/semaphore/contract.ts'
import { semaphoreKind } from '../../src/kinds/semaphore/kind.ts'
import { semaphoreNames } from '../../src/kinds/semaphore/names.ts'
import { createRedisSemaphoreStore } from '../../src/kinds/semaphore/redis.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Redis } from '../../src/redis/redis.ts'
import {
  declared,
  type SemaphoreClient,
  type SemaphoreHarness,
  type SemaphoreTestOptions,
} from '../conformance/semaphore.ts'
import { callFor, connectTo as connectToServer, type LiveServer } from '../live-server.ts'

const pattern = parsePattern('sem:<id>')

export const connectTo = (port: number) =>
  connectToServer(port, { name: 'keyplan:semaphores', scripts: semaphoreKind.scripts })

export interface RedisSemaphoreClient extends SemaphoreClient {
  readonly notices: Notice[]
}

let instances = 0

export function openClient(server: Server, options: SemaphoreTestOptions = {}): RedisSemaphoreClient {
  const notices: Notice[] = []
  const { client, close } = semaphoreKind.open(semaphore<string>('sem:<id>', { ...declared, ...options }), {
    name: 'semaphores',
    pattern,
    clock: realClock,
    instance: `client-${++instances}`,
    server,
    bare: createBareGuard(),
    notify: notice => notices.push(notice),
  })
  return { semaphores: client, close, notices }
}

export const openStore = (redis: Redis) => createRedisSemaphoreStore(redis, semaphoreNames(pattern), realClock)

/** A real server, emptied between tests, and what was opened on it. */
export async function redisHarness(port: number): Promise<SemaphoreHarness & { ask: RespConnection['ask'] }> {
  const plain = await connectResp({ port })
  await plain.ask('FLUSHALL')
  const connections: LiveServer[] = []
  const clients: SemaphoreClient[] = []
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
