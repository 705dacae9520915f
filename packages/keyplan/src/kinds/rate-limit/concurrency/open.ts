import { guarded } from '../../../guard/guarded.ts'
import { createInstances } from '../../../mechanisms/instances.ts'
import { localWake, redisWake } from '../../../mechanisms/wake.ts'
import { helperKey } from '../../../plan/pattern/helper-key.ts'
import type { Opened, Surroundings } from '../../kind.ts'
import { createCounters } from '../counters.ts'
import type { ConcurrencyDeclaration, ConcurrencyNamespace } from './contract.ts'
import { openConcurrency } from './handle.ts'
import { createMemoryConcurrencyStore } from './memory.ts'
import { createRedisConcurrencyStore, freedChannel } from './redis.ts'
import { type ConcurrencyStore, concurrencyOperations, type Holding } from './store.ts'

export function openPermits(
  { options, whenDown }: ConcurrencyDeclaration,
  surroundings: Surroundings,
): Opened<ConcurrencyNamespace> {
  const { name, pattern, clock, server, instance, bare } = surroundings
  const { limit, leaseMs } = options
  const counters = createCounters(pattern, [])
  const channelOf = freedChannel(pattern)
  const wake = localWake()
  const alive =
    server && whenDown === 'memory' && options.instances === undefined
      ? createInstances(server.redis, helperKey(pattern.source, pattern.tagged, 'instances'), instance, clock)
      : undefined
  const shared = () => Math.max(1, Math.floor(limit / (server ? (options.instances ?? alive?.count ?? 1) : 1)))
  const memory = createMemoryConcurrencyStore(clock, leaseMs, shared, wake, channelOf)
  const answers: Partial<ConcurrencyStore> = { allow: passing, deny: denying, memory: degraded(memory) }[whenDown]
  const local = guarded(name, { ...memory, ...(whenDown === 'allow' && allowing) }, concurrencyOperations, bare)
  const common = { local, channelOf, counters }
  if (!server) {
    const main = guarded(name, memory, concurrencyOperations, bare)
    return openConcurrency(options, { ...common, main, wakes: [wake] }, surroundings)
  }
  const store = createRedisConcurrencyStore(server.redis, options, channelOf, clock)
  const main = guarded(name, store, concurrencyOperations, server.guard, answers)
  const wakes = [redisWake(server.redis), wake]
  const opened = openConcurrency(options, { ...common, main, wakes }, surroundings)
  return {
    ...opened,
    async close() {
      await opened.close()
      await alive?.close()
    },
  }
}

/** Switched off: everybody may. */
export function openAllPermits(
  { options }: ConcurrencyDeclaration,
  surroundings: Surroundings,
): Opened<ConcurrencyNamespace> {
  const { name, pattern, bare } = surroundings
  const steps = guarded(name, { ...allowing, reset: async () => {} }, concurrencyOperations, bare)
  const parts = { main: steps, local: steps, wakes: [], channelOf: freedChannel(pattern) }
  return openConcurrency(options, { ...parts, counters: createCounters(pattern, []) }, surroundings)
}

const none = { held: 0, lastEndsMs: 0, degraded: true } as const

/** What Redis would be told of permits it has given is not answered for it. */
const passing = {
  acquire: async () => ({ ...none, granted: true, firstEndsMs: 0 }),
  peek: async () => ({ ...none, granted: true, firstEndsMs: 0 }),
} satisfies Partial<ConcurrencyStore>

/** Of the permits that are given by this answer alone. */
const allowing: Omit<ConcurrencyStore, 'reset'> = {
  ...passing,
  renew: async () => true,
  release: async () => {},
  withdraw: async () => 0,
}

const refused: Holding = {
  ...none,
  held: Number.POSITIVE_INFINITY,
  granted: false,
  firstEndsMs: 1_000,
  lastEndsMs: 1_000,
}

const denying: Partial<ConcurrencyStore> = {
  acquire: async () => refused,
  peek: async () => refused,
}

const degraded = ({ acquire, peek }: ConcurrencyStore): Partial<ConcurrencyStore> => ({
  acquire: async (...args) => ({ ...(await acquire(...args)), degraded: true }),
  peek: async (...args) => ({ ...(await peek(...args)), degraded: true }),
})
