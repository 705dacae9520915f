import { guarded } from '../../guard/guarded.ts'
import type { Redis } from '../../redis/redis.ts'
import type { Kind, Surroundings } from '../kind.ts'
import { type CacheDeclaration, cacheOperations } from './contract.ts'
import { createDebts } from './debts.ts'
import { cacheFallback } from './fallback.ts'
import { formOf } from './form.ts'
import { type CacheParts, openCache } from './handle.ts'
import { createMemoryCacheStore } from './memory.ts'
import { cacheNames } from './names.ts'
import { createRedisCacheStore } from './redis.ts'
import { cacheScripts } from './scripts.ts'
import { createTrust } from './trust.ts'

export const cacheKind: Kind<CacheDeclaration> = {
  kind: 'cache',
  scripts: cacheScripts,
  open(declaration, surroundings) {
    const { parts, close } = surroundings.server
      ? overRedis(declaration, surroundings, surroundings.server)
      : inMemory(declaration, surroundings)
    return { client: openCache(parts), close }
  },
}

interface Assembled {
  parts: CacheParts
  close: () => Promise<void>
}

function inMemory(
  { options: settings }: CacheDeclaration,
  { name, pattern, clock, bare, notify }: Surroundings,
): Assembled {
  const store = createMemoryCacheStore(cacheNames(pattern), settings.loadWindowMs, clock)
  const steps = guarded(name, store, cacheOperations, bare)
  const form = formOf(settings, () => notify({ type: 'undecodable', namespace: name }))
  const parts = { pattern, settings, steps, spare: undefined, form, clock, credible: () => true, stored: () => {} }
  return { parts, close: async () => {} }
}

function overRedis(
  { options: settings, whenDown }: CacheDeclaration,
  { name, pattern, clock, bare, notify }: Surroundings,
  { redis, guard }: NonNullable<Surroundings['server']>,
): Assembled {
  const names = cacheNames(pattern)
  const storeOn = (on: Pick<Redis, 'send' | 'evaluate'>) => createRedisCacheStore(on, pattern, names, settings)
  const debts = createDebts(storeOn, redis, clock)
  const trust = createTrust(clock)
  const memory = whenDown === 'memory' ? createMemoryCacheStore(names, settings.loadWindowMs, clock) : undefined
  const unhook = redis.beforeReady(async (fresh, outage) => {
    await debts.recover(fresh, outage)
    trust.outageEnded(outage)
    // What was made up for in memory is older than what will be loaded from now on.
    await memory?.sweep({ expires: Number.POSITIVE_INFINITY, hold: false, written: false }, '0')
  })
  const steps = guarded(
    name,
    debts.remembering(storeOn(redis)),
    cacheOperations,
    guard,
    whenDown === 'fail' ? {} : cacheFallback(debts.owe, memory),
  )
  const parts = {
    pattern,
    settings,
    steps,
    spare: memory && guarded(name, memory, cacheOperations, bare),
    form: formOf(settings, () => notify({ type: 'undecodable', namespace: name })),
    clock,
    credible: (key: string, tags: readonly string[]) => trust.has(key) && !debts.concerns(key, tags),
    stored: trust.gain,
  }
  return {
    parts,
    async close() {
      unhook()
      debts.close()
    },
  }
}
