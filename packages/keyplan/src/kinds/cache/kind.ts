import type { Kind } from '../kind.ts'
import type { CacheDeclaration } from './contract.ts'
import { storeOfNothing } from './fallback.ts'
import { openInProcess } from './in-process.ts'
import { createMemoryCacheStore } from './memory.ts'
import { openOverRedis } from './over-redis.ts'
import { cacheScripts } from './scripts.ts'

export const cacheKind: Kind<CacheDeclaration> = {
  kind: 'cache',
  scripts: cacheScripts,
  open: (declaration, surroundings) =>
    surroundings.server
      ? openOverRedis(declaration, surroundings, surroundings.server)
      : openInProcess(declaration, surroundings, createMemoryCacheStore(surroundings.clock)),
  feature: 'cache',
  openDisabled: (declaration, surroundings) => openInProcess(declaration, surroundings, storeOfNothing),
}
