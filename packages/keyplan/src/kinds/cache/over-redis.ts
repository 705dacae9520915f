import { guarded } from '../../guard/guarded.ts'
import { redisWake } from '../../mechanisms/wake.ts'
import type { Opened as OpenedNamespace, Server, Surroundings } from '../kind.ts'
import { createClusterCacheStore } from './cluster.ts'
import type { CacheDeclaration } from './contract.ts'
import { createDebts } from './debts.ts'
import { cacheFallback, strictFallback } from './fallback.ts'
import { figuresOf } from './figures.ts'
import { createFleet } from './fleet.ts'
import { type Opened, outdated } from './form.ts'
import { openCache } from './handle.ts'
import { createLoader } from './loader.ts'
import { createLookup } from './lookup.ts'
import { createMemoryCacheStore } from './memory.ts'
import { createNear } from './near.ts'
import { untrackedNotice } from './near-belief.ts'
import { cacheParts } from './parts.ts'
import { createReads, type Found, type Question } from './reads.ts'
import { type CacheServer, createRedisCacheStore } from './redis.ts'
import { createSpare } from './spare.ts'
import { type CacheStore, cacheOperations } from './store.ts'
import { namedTags } from './tag-versions.ts'
import { createTrust } from './trust.ts'

/** A cache on a server, which may fail: `whenDown` answers then. */
export function openOverRedis(
  declaration: CacheDeclaration,
  surroundings: Surroundings,
  { redis, readers, guard, lane, slowestReconnect }: Server,
): OpenedNamespace<NonNullable<CacheDeclaration['~client']>> {
  const { options: settings, whenDown } = declaration
  const { name, pattern, clock, bare, instance } = surroundings
  const common = cacheParts(declaration, surroundings)
  const { form, names } = common
  const create = lane ? createClusterCacheStore : createRedisCacheStore
  const storeOn = (on: CacheServer) => create(on, pattern, names, settings)
  const debts = createDebts(storeOn, redis, lane, clock)
  const trust = createTrust(clock, slowestReconnect)
  const spare = whenDown === 'memory' ? createSpare(createMemoryCacheStore(clock), lane) : undefined
  const master = storeOn(redis)
  const { read } = settings.replica ? storeOn({ ...redis, send: readers.send }) : master
  const fallback = whenDown === 'fail' ? strictFallback : cacheFallback(debts.owe, spare?.store)
  const stepsOn = (all: CacheStore) => {
    const store = debts.remembering(all)
    return guarded(name, spare ? spare.relievedBy(store) : store, cacheOperations, guard, fallback)
  }
  const prefixes = [pattern.stem, ...(settings.tags || settings.loaderTags ? [names.tag('')] : [])]
  const near =
    settings.near &&
    createNear({ ...common, pattern, near: settings.near, prefixes, redis, denied: untrackedNotice(surroundings) })
  const parts = {
    ...common,
    steps: stepsOn({ ...master, read }),
    spare: spare && { ...guarded(name, spare.store, cacheOperations, bare), reliefs: spare.reliefs },
    stored(key: string) {
      trust.gain(key)
      near?.drop([key])
    },
  }
  /** What this process keeps while Redis cannot be asked (`seen` is undefined) is its own, and so always credible. */
  const open = ({ stored, seen, tags }: Found, question: Question): Opened =>
    seen === undefined || (trust.has(question.key) && !debts.concerns(question.key, question.tags))
      ? form.open(stored, tags)
      : outdated(stored)
  const named = namedTags(parts, redis)
  const reads = createReads(parts)
  const lookup = createLookup({ reads, near, named, open })
  // What another process has just stored is not on a replica yet.
  const newest = settings.replica
    ? createLookup({ reads: createReads({ ...parts, steps: stepsOn(master) }), near, named, open })
    : lookup
  const fleet = settings.acrossProcesses && createFleet({ ...parts, wake: redisWake(redis), instance, lookup: newest })
  const loader = createLoader({ ...parts, fleet })
  const unhook = redis.beforeReady(async (fresh, outage) => {
    await debts.recover(fresh, outage)
    trust.outageEnded(outage)
    // What others invalidated during the outage is not yet counted by the server: loads from before may be older.
    loader.dropAll()
  })
  return {
    client: openCache({ ...parts, pattern, loader, lookup, near, named, owed: debts.concerns }),
    figures: () => figuresOf(parts.counting, near),
    async close() {
      unhook()
      fleet?.close()
      near?.close()
      named?.versions.close()
      await debts.close()
    },
  }
}
