import { guarded } from '../../guard/guarded.ts'
import { localWake, redisWake } from '../../mechanisms/wake.ts'
import type { Kind } from '../kind.ts'
import type { SemaphoreDeclaration } from './contract.ts'
import { openSemaphores } from './handle.ts'
import { createMemorySemaphoreStore } from './memory.ts'
import { semaphoreNames } from './names.ts'
import { createRedisSemaphoreStore } from './redis.ts'
import { semaphoreScripts } from './scripts.ts'
import { semaphoreOperations } from './store.ts'

export const semaphoreKind: Kind<SemaphoreDeclaration> = {
  kind: 'semaphore',
  scripts: semaphoreScripts,
  open({ options }, surroundings) {
    const { name, pattern, clock, server, bare } = surroundings
    const names = semaphoreNames(pattern)
    if (server) {
      const store = createRedisSemaphoreStore(server.redis, names, clock)
      const steps = guarded(name, store, semaphoreOperations, server.guard)
      return openSemaphores(options, steps, redisWake(server.redis), names, surroundings)
    }
    const wake = localWake()
    const steps = guarded(name, createMemorySemaphoreStore(names, wake, clock), semaphoreOperations, bare)
    return openSemaphores(options, steps, wake, names, surroundings)
  },
}
