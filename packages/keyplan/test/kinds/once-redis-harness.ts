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
import { declared, type OnceClient, type OnceTestOptions } from '../conformance/once.ts'
import { connectTo as connectToServer } from '../live-server.ts'
import { storeHarness } from './store-harness.ts'

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
      notify: notice => void notices.push(notice as Notice),
    },
  )
  return { payments: client, vanish, close, notices }
}

export const redisHarness = (port: number) => storeHarness(port, { connectTo, openStore, openClient })

export type RedisOnceHarness = Awaited<ReturnType<typeof redisHarness>>
