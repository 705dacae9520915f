import { guarded } from '../../guard/guarded.ts'
import { createLocalServer } from '../../mechanisms/log/local.ts'
import { localWake } from '../../mechanisms/wake.ts'
import type { Kind } from '../kind.ts'
import type { DocumentDeclaration } from './contract.ts'
import { openDocuments } from './handle.ts'
import { createMemoryDocumentStore, localChanges } from './memory.ts'
import { documentNames } from './names.ts'
import { createRedisDocumentStore, redisChanges } from './redis.ts'
import { documentScripts } from './scripts.ts'
import { documentOperations } from './store.ts'

export const documentKind: Kind<DocumentDeclaration> = {
  kind: 'document',
  scripts: documentScripts,
  open({ options }, surroundings) {
    const { name, pattern, clock, server, bare, local = createLocalServer(clock) } = surroundings
    if (!server) {
      const wake = localWake()
      const memory = createMemoryDocumentStore(options, wake, clock, local)
      const steps = guarded(name, memory, documentOperations, bare)
      return openDocuments(options, steps, localChanges(wake), surroundings)
    }
    const names = documentNames(pattern)
    const store = createRedisDocumentStore(server.redis, names, options)
    const steps = guarded(name, store, documentOperations, server.guard)
    return openDocuments(options, steps, redisChanges(server.redis, names), surroundings)
  },
}
