import { guarded } from '../../guard/guarded.ts'
import { createMemoryMarkStore } from '../../mechanisms/mark/memory.ts'
import { createRedisMarkStore } from '../../mechanisms/mark/redis.ts'
import { markScripts } from '../../mechanisms/mark/scripts.ts'
import { markOperations } from '../../mechanisms/mark/store.ts'
import { localWake, redisWake } from '../../mechanisms/wake.ts'
import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Kind } from '../kind.ts'
import type { OnceDeclaration } from './contract.ts'
import { openOnce } from './handle.ts'

export const onceKind: Kind<OnceDeclaration> = {
  kind: 'once',
  scripts: markScripts,
  open({ options }, surroundings) {
    const { name, pattern, clock, server, bare } = surroundings
    const wakeOf = (key: string) => helperKey(key, pattern.tagged, 'wake')
    if (!server) {
      const wake = localWake()
      const store = createMemoryMarkStore(key => wake.notify(wakeOf(key)), clock)
      return openOnce(options, guarded(name, store, markOperations, bare), wake, wakeOf, surroundings)
    }
    const encoding = options.codec.binary ? 'bytes' : 'text'
    const store = createRedisMarkStore(server.redis, wakeOf, clock, encoding)
    const steps = guarded(name, store, markOperations, server.guard)
    return openOnce(options, steps, redisWake(server.redis), wakeOf, surroundings)
  },
}
