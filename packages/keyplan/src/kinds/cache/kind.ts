import type { Kind } from '../kind.ts'
import type { CacheDeclaration } from './contract.ts'
import { cacheFallback } from './fallback.ts'
import { openInProcess } from './in-process.ts'
import { createMemoryCacheStore } from './memory.ts'
import { openOverRedis } from './over-redis.ts'
import { cacheScripts } from './scripts.ts'
import type { CacheStore } from './store.ts'

export const cacheKind: Kind<CacheDeclaration> = {
  kind: 'cache',
  scripts: cacheScripts,
  open: (declaration, surroundings) =>
    surroundings.server
      ? openOverRedis(declaration, surroundings, surroundings.server)
      : openInProcess(declaration, surroundings, createMemoryCacheStore(surroundings.clock)),
  feature: 'cache',
  // What is left without Redis: every read is a miss, and there is nothing to invalidate.
  openDisabled: (declaration, surroundings) =>
    openInProcess(declaration, surroundings, cacheFallback(() => {}, undefined) as CacheStore),
}
