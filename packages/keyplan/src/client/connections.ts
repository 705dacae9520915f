import type { Durability } from '../plan/declaration.ts'
import type { Plan } from '../plan/plan.ts'
import type { Connection } from './connection.ts'

/** The role of a server: what may be evicted, and what must not be. */
export type Role = 'cache' | 'durable'

/** The servers of a client: one for each role, which may be the same. */
export interface Connections {
  /** Each server once. */
  readonly all: readonly Connection[]
  /** Servers of a quorum, of which some may be away. */
  readonly quorum: readonly Connection[]
  of(role: Role): Connection
  /** The server of the namespace that a key belongs to. */
  ofKey(key: string | undefined): Connection
}

export const roleOf = (durability: Durability): Role => (durability === 'evictable' ? 'cache' : 'durable')

export function createConnections(
  plan: Plan,
  byRole: Readonly<Record<Role, Connection>>,
  quorum: readonly Connection[],
): Connections {
  const all = [...new Set([byRole.durable, byRole.cache])]
  return {
    all,
    quorum,
    of: role => byRole[role],
    ofKey(key) {
      if (all.length === 1 || key === undefined) return byRole.durable
      const name = Object.keys(plan.patterns).find(candidate => plan.patterns[candidate]?.match(key) !== undefined)
      const declaration = name === undefined ? undefined : plan.namespaces[name]
      return byRole[roleOf(declaration?.durability ?? 'durable')]
    },
  }
}
