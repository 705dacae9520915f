import type { Kind } from '../kinds/kind.ts'
import type { Plan } from '../plan/plan.ts'

/**
 * Every kind the client can open, by its name: a new one is a folder and a row here. Each is loaded with the first plan that
 * uses it, since importing all of them costs what connecting does.
 */
const rows: Readonly<Record<string, () => Promise<unknown>>> = {
  cache: async () => (await import('../kinds/cache/kind.ts')).cacheKind,
  channel: async () => (await import('../kinds/channel/kind.ts')).channelKind,
  document: async () => (await import('../kinds/document/kind.ts')).documentKind,
  feed: async () => (await import('../kinds/feed/kind.ts')).feedKind,
  lock: async () => (await import('../kinds/lock/kind.ts')).lockKind,
  once: async () => (await import('../kinds/once/kind.ts')).onceKind,
  rateLimit: async () => (await import('../kinds/rate-limit/kind.ts')).rateLimitKind,
  readWriteLock: async () => (await import('../kinds/lock/read-write/kind.ts')).readWriteLockKind,
  registry: async () => (await import('../kinds/registry/kind.ts')).registryKind,
  semaphore: async () => (await import('../kinds/semaphore/kind.ts')).semaphoreKind,
  session: async () => (await import('../kinds/session/kind.ts')).sessionKind,
  stream: async () => (await import('../kinds/stream/kind.ts')).streamKind,
}

export type Kinds = ReadonlyMap<string, Kind>

/** The kinds of a plan's namespaces. Foreign ones have none. */
export async function kindsOf(plan: Plan): Promise<Kinds> {
  const names = [...new Set(Object.values(plan.namespaces).map(({ kind }) => kind))]
  const used = names.filter(name => Object.hasOwn(rows, name))
  const loaded = await Promise.all(used.map(name => rows[name]!()))
  return new Map(used.map((name, index) => [name, loaded[index] as Kind]))
}
