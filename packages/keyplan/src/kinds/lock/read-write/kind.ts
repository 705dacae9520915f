import { guarded } from '../../../guard/guarded.ts'
import { localWake, redisWake } from '../../../mechanisms/wake.ts'
import { helperKey } from '../../../plan/pattern/helper-key.ts'
import type { Kind, Surroundings } from '../../kind.ts'
import { openLocks } from '../handle.ts'
import type { Hearing } from '../inbox.ts'
import { lockNames } from '../names.ts'
import { createRedisLockStore, type LockForm } from '../redis.ts'
import { type LockStore, lockOperations } from '../store.ts'
import type { ReadLock, ReadWriteLockDeclaration } from './contract.ts'
import { createMemoryReadWriteStores } from './memory.ts'
import { allReadWriteScripts, type Mode, readWriteScripts } from './scripts.ts'

/** Where the locks of one mode are asked for, and where their turns are heard. */
interface Side {
  readonly store: LockStore
  readonly hearing: Hearing
}

export const readWriteLockKind: Kind<ReadWriteLockDeclaration> = {
  kind: 'readWriteLock',
  scripts: allReadWriteScripts,
  open({ options }, surroundings) {
    const { pattern, name, server, bare } = surroundings
    const side = server ? onRedis(surroundings, server) : inMemory(surroundings)
    function openSide(mode: Mode) {
      const { store, hearing } = side(mode)
      const steps = guarded(name, store, lockOperations, server?.guard ?? bare)
      const stores = { main: steps, local: steps, intervals: undefined, holding: new Map(), shared: mode === 'read' }
      return openLocks(options, stores, [hearing], surroundings)
    }
    const read = openSide('read')
    const write = openSide('write')
    return {
      client: params => {
        // What is wrong with the params is said at once.
        pattern.format(params)
        return { read: read.client(params) as ReadLock, write: write.client(params) }
      },
      async close() {
        await Promise.all([read.close(), write.close()])
      },
    }
  },
}

function inMemory({ pattern, clock }: Surroundings): (mode: Mode) => Side {
  const wake = localWake()
  const channel = lockNames(pattern).wake('')
  const stores = createMemoryReadWriteStores(channel, wake, clock)
  return mode => ({ store: stores[mode], hearing: hear => wake.listen(channel, hear) })
}

function onRedis(
  { pattern, clock, instance }: Surroundings,
  { redis, lane }: NonNullable<Surroundings['server']>,
): (mode: Mode) => Side {
  const alone = lane === undefined
  const names = lockNames(pattern, alone)
  const notices = redisWake(redis)
  const held = (key: string) => [key, helperKey(key, pattern.tagged, 'readers'), names.fence(key), names.line(key)]
  const all = (keys: readonly string[]) => keys.flatMap(held)
  return mode => {
    const form: LockForm = { scripts: readWriteScripts[mode], acquired: all, held, freed: all }
    const own = `${mode[0]}/${instance}`
    return {
      store: createRedisLockStore(redis, names, own, clock, alone, form),
      hearing: hear => notices.listen(names.wake(own), hear),
    }
  }
}
