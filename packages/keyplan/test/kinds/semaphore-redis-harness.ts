import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Notice, Server } from '../../src/kinds/kind.ts'
import { semaphore } from '../../src/kinds/semaphore/contract.ts'
import { semaphoreKind } from '../../src/kinds/semaphore/kind.ts'
import { semaphoreNames } from '../../src/kinds/semaphore/names.ts'
import { createRedisSemaphoreStore } from '../../src/kinds/semaphore/redis.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { declared, type SemaphoreClient, type SemaphoreTestOptions } from '../conformance/semaphore.ts'
import { connectTo as connectToServer } from '../live-server.ts'
import { storeHarness } from './store-harness.ts'

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
    notify: notice => notices.push(notice as Notice),
  })
  return { semaphores: client, close, notices }
}

export const openStore = (redis: Redis) => createRedisSemaphoreStore(redis, semaphoreNames(pattern), realClock)

export const redisHarness = (port: number) => storeHarness(port, { connectTo, openStore, openClient })
