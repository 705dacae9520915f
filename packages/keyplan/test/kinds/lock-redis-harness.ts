import { realClock } from '../../src/base/clock.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Notice, Server } from '../../src/kinds/kind.ts'
import { lock } from '../../src/kinds/lock/contract.ts'
import { lockKind } from '../../src/kinds/lock/kind.ts'
import { lockScripts } from '../../src/kinds/lock/mutex/scripts.ts'
import { lockNames } from '../../src/kinds/lock/names.ts'
import { createRedisLockStore } from '../../src/kinds/lock/redis.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { type LockClient, type LockTestOptions, ttlMs } from '../conformance/lock.ts'
import { callFor, connectTo as connectToServer, type LiveServer } from '../live-server.ts'
import { storeHarness } from './store-harness.ts'

export { callFor, type LiveServer }

const pattern = parsePattern('lock:<id>')

export const connectTo = (port: number) => connectToServer(port, { name: 'keyplan:locks', scripts: lockScripts })

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
    instance: `host:1:client-${++instances}`,
    server,
    bare: createBareGuard(),
    notify: notice => notices.push(notice as Notice),
  })
  return { locks: client, close, notices }
}

export const openStore = (redis: Redis, instance = 'store:1:one', alone = true) =>
  createRedisLockStore(redis, lockNames(pattern, alone), instance, realClock, alone)

export const redisHarness = (port: number) => storeHarness(port, { connectTo, openStore, openClient })
