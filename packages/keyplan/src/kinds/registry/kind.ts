import { errorOf } from '../../base/thrown.ts'
import { guarded } from '../../guard/guarded.ts'
import type { Operations } from '../../guard/operation.ts'
import { createLocalServer } from '../../mechanisms/log/local.ts'
import type { Log } from '../../mechanisms/log/log.ts'
import { readerOf } from '../../mechanisms/log/reader.ts'
import { createRedisLog } from '../../mechanisms/log/redis-log.ts'
import { createRefusals } from '../../mechanisms/log/refusals.ts'
import type { Kind } from '../kind.ts'
import type { RegistryDeclaration } from './declaration.ts'
import { createCounting } from './figures.ts'
import { openRegistries } from './handle.ts'
import { createMirror } from './membership/mirror.ts'
import { createMemoryRegistryStore } from './memory.ts'
import { registryNames } from './names.ts'
import { createRedisRegistryStore } from './redis.ts'
import { registryScripts } from './scripts.ts'
import { type RegistryStore, registryOperations, type Sweep } from './store.ts'

const logOperations: Operations<Pick<Log, 'range'>> = { range: { idempotent: true, write: false } }

const unknown: Partial<RegistryStore> = {
  find: async () => 'unknown',
  pick: async () => 'unknown',
  get: async () => 'unknown',
  count: async () => 'unknown',
}

export const registryKind: Kind<RegistryDeclaration> = {
  kind: 'registry',
  scripts: registryScripts,
  open({ options: settings, whenDown }, surroundings) {
    const { name, pattern, clock, server, bare, local = createLocalServer(clock), notify } = surroundings
    const names = registryNames(pattern, settings)
    const counting = createCounting()
    const refused = createRefusals(name, 'events are kept', notify)

    function told({ expired, unannounced }: Sweep): void {
      counting.expired += expired
      refused(unannounced)
    }

    const common = { ...surroundings, settings, names, counting }
    if (!server) {
      const store = createMemoryRegistryStore(names, settings, local, clock, told)
      const steps = guarded(name, store, registryOperations, bare)
      const log = guarded(name, local.log, logOperations, bare)
      return openRegistries({ ...common, steps, log, news: local.news, mirror: undefined })
    }
    const { redis, guard } = server
    const store = createRedisRegistryStore(redis, names, settings, told)
    const fallback = whenDown === 'unknown' ? unknown : {}
    const { mirrorMs } = settings

    function failed(error: unknown): void {
      notify({
        type: 'mirror-failed',
        namespace: name,
        error: errorOf(error),
        warning: `${name}: members could not be mirrored`,
      })
    }
    return openRegistries({
      ...common,
      steps: guarded(name, store, registryOperations, guard, fallback),
      log: guarded(name, createRedisLog(redis), logOperations, guard),
      news: readerOf(redis, clock),
      mirror:
        mirrorMs === undefined ? undefined : keyOf => createMirror({ redis, clock, ttlMs: mirrorMs, keyOf, failed }),
    })
  },
}
