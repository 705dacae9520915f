import type { Guard } from '../../guard/guard.ts'
import { guarded } from '../../guard/guarded.ts'
import type { HeldLease } from '../../mechanisms/lease/held.ts'
import { localWake, redisWake } from '../../mechanisms/wake.ts'
import type { Kind, Opened } from '../kind.ts'
import type { LockDeclaration, LockNamespace } from './contract.ts'
import { openLocks } from './handle.ts'
import type { Hearing } from './inbox.ts'
import {
  createMemoryIntervalStore,
  createRedisIntervalStore,
  type IntervalStore,
  intervalOperations,
  intervalScript,
} from './interval-store.ts'
import { createMemoryLockStore } from './memory.ts'
import { lockScripts } from './mutex/scripts.ts'
import { lockNames } from './names.ts'
import { openQuorumLocks } from './quorum/handle.ts'
import { quorumScripts } from './quorum/scripts.ts'
import { createRedisLockStore } from './redis.ts'
import { type LockStore, lockOperations } from './store.ts'

export const lockKind: Kind<LockDeclaration> = {
  kind: 'lock',
  scripts: [...lockScripts, intervalScript],
  quorumScripts,
  open(declaration, surroundings) {
    const { name, pattern, clock, instance, server, bare } = surroundings
    const names = lockNames(pattern, server && server.lane === undefined)
    const { quorum } = declaration.options
    if (quorum && surroundings.quorum) {
      const opened = openQuorumLocks(declaration.options, quorum, surroundings.quorum, lockNames(pattern), surroundings)
      // The type of the declaration says that it has fewer verbs.
      return opened as Opened<LockNamespace>
    }
    const wake = localWake()
    const memory = createMemoryLockStore(names, wake, clock)
    const local = guarded(name, memory, lockOperations, bare)
    const holding = new Map<string, HeldLease>()
    const nearby: Hearing = hear => wake.listen(names.wake(''), hear)
    const isLocal = declaration.whenDown === 'local'
    const intervalsOf = (store: IntervalStore, guard: Guard) =>
      isLocal ? undefined : guarded(name, store, intervalOperations, guard)
    if (!server) {
      const intervals = intervalsOf(createMemoryIntervalStore(names, clock), bare)
      return openLocks(declaration.options, { main: local, local, intervals, holding }, [nearby], surroundings)
    }

    const redis = createRedisLockStore(server.redis, names, instance, clock, server.lane === undefined)
    const main = guarded(name, redis, lockOperations, server.guard, isLocal ? fallback(memory, holding) : {})
    const notices = redisWake(server.redis)
    const told: Hearing = hear => notices.listen(names.wake(instance), hear)
    const hearings = isLocal ? [told, nearby] : [told]
    const intervals = intervalsOf(createRedisIntervalStore(server.redis, names), server.guard)
    return openLocks(declaration.options, { main, local, intervals, holding }, hearings, surroundings)
  },
}

/** Answers for Redis: this process alone is excluded, also by what it still holds in Redis. */
function fallback(memory: LockStore, holding: ReadonlyMap<string, HeldLease>): Partial<LockStore> {
  const acquire: LockStore['acquire'] = async (call, key, claim, ttlMs) => {
    const mine = holding.get(key)
    if (mine) return { granted: false, remainingMs: mine.remaining() }
    const answer = await memory.acquire(call, key, claim, ttlMs)
    return answer.granted ? { ...answer, degraded: true } : answer
  }
  return {
    acquire,
    acquireMany: (call, requests, ttlMs) =>
      Promise.all(requests.map(({ key, claim }) => acquire(call, key, claim, ttlMs))),
    async inspect(call, key) {
      const mine = holding.get(key)
      return mine
        ? { locked: true, remainingMs: mine.remaining(), holder: undefined, waiters: 0, readers: 0 }
        : memory.inspect(call, key)
    },
    leave: async () => {},
  }
}
