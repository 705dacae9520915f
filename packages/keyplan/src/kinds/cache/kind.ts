import { guarded } from '../../guard/guarded.ts'
import type { Kind, Server, Surroundings } from '../kind.ts'
import { createClusterCacheStore } from './cluster.ts'
import type { CacheDeclaration } from './contract.ts'
import { createDebts } from './debts.ts'
import { cacheFallback, strictFallback } from './fallback.ts'
import { formOf } from './form.ts'
import { type CacheParts, openCache } from './handle.ts'
import { createLoader, type LoaderParts } from './loader.ts'
import { createMemoryCacheStore } from './memory.ts'
import { cacheNames } from './names.ts'
import { type CacheServer, createRedisCacheStore } from './redis.ts'
import { cacheScripts } from './scripts.ts'
import { createSpare } from './spare.ts'
import { type CacheStore, cacheOperations } from './store.ts'
import { createTrust } from './trust.ts'

export const cacheKind: Kind<CacheDeclaration> = {
  kind: 'cache',
  scripts: cacheScripts,
  open(declaration, surroundings) {
    const { parts, close } = surroundings.server
      ? overRedis(declaration, surroundings, surroundings.server)
      : inProcess(declaration, surroundings, createMemoryCacheStore(surroundings.clock))
    return { client: openCache(parts), close }
  },
  feature: 'cache',
  openDisabled(declaration, surroundings) {
    // What is left without Redis: every read is a miss, and there is nothing to invalidate.
    const nothing = cacheFallback(() => {}, undefined) as CacheStore
    const { parts, close } = inProcess(declaration, surroundings, nothing)
    return { client: openCache(parts), close }
  },
}

interface Assembled {
  parts: CacheParts
  close: () => Promise<void>
}

function inProcess(declaration: CacheDeclaration, surroundings: Surroundings, store: CacheStore): Assembled {
  const { name, pattern, bare } = surroundings
  const steps = guarded(name, store, cacheOperations, bare)
  const loading = { ...common(declaration, surroundings), steps, spare: undefined, stored: () => {} }
  const parts = {
    ...loading,
    pattern,
    names: cacheNames(pattern),
    loader: createLoader(loading),
    credible: () => true,
    owed: () => false,
  }
  return { parts, close: async () => {} }
}

function overRedis(
  declaration: CacheDeclaration,
  surroundings: Surroundings,
  { redis, readers, guard, lane, slowestReconnect }: Server,
): Assembled {
  const { options: settings, whenDown } = declaration
  const { name, pattern, clock, bare } = surroundings
  const names = cacheNames(pattern)
  const create = lane ? createClusterCacheStore : createRedisCacheStore
  const storeOn = (on: CacheServer) => create(on, pattern, names, settings)
  const debts = createDebts(storeOn, redis, lane, clock)
  const trust = createTrust(clock, slowestReconnect)
  const spare = whenDown === 'memory' ? createSpare(createMemoryCacheStore(clock)) : undefined
  const { read } = settings.replica ? storeOn({ ...redis, send: readers.send }) : storeOn(redis)
  const store = debts.remembering({ ...storeOn(redis), read })
  const fallback = whenDown === 'fail' ? strictFallback : cacheFallback(debts.owe, spare?.store)
  const loading = {
    ...common(declaration, surroundings),
    steps: guarded(name, spare ? spare.relievedBy(store) : store, cacheOperations, guard, fallback),
    spare: spare && guarded(name, spare.store, cacheOperations, bare),
    stored: trust.gain,
  }
  const loader = createLoader(loading)
  const unhook = redis.beforeReady(async (fresh, outage) => {
    await debts.recover(fresh, outage)
    trust.outageEnded(outage)
    // What others invalidated during the outage is not yet counted by the server: loads from before may be older.
    loader.dropAll()
  })
  const credible = (key: string, tags: readonly string[]) => trust.has(key) && !debts.concerns(key, tags)
  return {
    parts: { ...loading, pattern, names, loader, credible, owed: debts.concerns },
    async close() {
      unhook()
      await debts.close()
    },
  }
}

function common(
  { options: settings }: CacheDeclaration,
  { name, server, clock, notify }: Surroundings,
): Pick<LoaderParts, 'settings' | 'lane' | 'form' | 'onUndecodable' | 'onOversized' | 'clock'> {
  const onUndecodable = () => notify({ type: 'undecodable', namespace: name })
  const onOversized = () => notify({ type: 'oversized', namespace: name })
  return { settings, lane: server?.lane, form: formOf(settings, onUndecodable), onUndecodable, onOversized, clock }
}
