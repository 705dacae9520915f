import { guarded } from '../../guard/guarded.ts'
import { createInstances, type Instances } from '../../mechanisms/instances.ts'
import { helperKey } from '../../plan/pattern/helper-key.ts'
import type { Opened, Surroundings } from '../kind.ts'
import type { RateLimitDeclaration, RateLimitNamespace } from './contract.ts'
import { createCounters } from './counters.ts'
import { rateLimitFallback } from './fallback.ts'
import { openRateLimits } from './handle.ts'
import { createLedger } from './ledger.ts'
import { createLine } from './line.ts'
import { createMemoryRateLimitStore } from './memory.ts'
import { createMerge } from './merge.ts'
import { createNear } from './near.ts'
import { createRedisRateLimitStore } from './redis.ts'
import { createSpace, type SpaceParts } from './space.ts'
import { type Home, type RateLimitStore, rateLimitOperations } from './store.ts'

export function openRates(declaration: RateLimitDeclaration, surroundings: Surroundings): Opened<RateLimitNamespace> {
  const { name, pattern, clock, server, instance, bare } = surroundings
  const { whenDown, options } = declaration
  let alive: Instances | undefined
  const home: Home = {
    name,
    whenDown,
    ledger: createLedger(),
    instances: () => options.instances ?? alive?.count ?? 1,
  }
  if (!server) {
    const store = guarded(name, createMemoryRateLimitStore(clock), rateLimitOperations, bare)
    return openSpace(declaration, surroundings, { home, store, merge: undefined, client: bare })
  }
  const { redis, guard } = server
  const counts = whenDown === 'memory'
  if (counts && options.instances === undefined) {
    alive = createInstances(redis, helperKey(pattern.source, pattern.tagged, 'instances'), instance, clock)
  }
  const fallback = rateLimitFallback(clock, (part, share) => merge.note(part, share))
  const merge = createMerge(clock, fallback)
  const unhook = redis.beforeReady(merge.recover)
  const store = guarded(name, createRedisRateLimitStore(redis), rateLimitOperations, guard, fallback)
  const opened = openSpace(declaration, surroundings, {
    home,
    store,
    merge: counts ? merge : undefined,
    client: redis,
  })
  return {
    ...opened,
    async close() {
      unhook()
      await Promise.all([opened.close(), alive?.close()])
    },
  }
}

/** Switched off: everybody may. */
export function openAllRates(
  declaration: RateLimitDeclaration,
  surroundings: Surroundings,
): Opened<RateLimitNamespace> {
  const { name, clock, bare } = surroundings
  const home: Home = { name, whenDown: 'allow', ledger: createLedger(), instances: () => 1 }
  const nothing: Pick<RateLimitStore, 'reset' | 'block'> = { reset: async () => {}, block: async () => 0 }
  const store = guarded(name, { ...rateLimitFallback(clock), ...nothing }, rateLimitOperations, bare)
  return openSpace(declaration, surroundings, { home, store, merge: undefined, client: bare })
}

function openSpace(
  { options }: RateLimitDeclaration,
  { pattern, clock, server }: Pick<Surroundings, 'pattern' | 'clock' | 'server'>,
  parts: Pick<SpaceParts, 'home' | 'store' | 'merge' | 'client'>,
): Opened<RateLimitNamespace> {
  const line = createLine(clock)
  const counters = createCounters(pattern, options.report)
  const near = options.nearMs === undefined ? undefined : createNear(clock, options.nearMs)
  const space = createSpace({ ...parts, clock, line, counters, near, lane: server?.lane })
  return {
    client: openRateLimits(space, options, pattern),
    figures: counters.figures,
    async close() {
      line.close()
    },
  }
}
