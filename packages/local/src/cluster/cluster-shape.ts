import type { RedisProcess } from '../server/redis-process.ts'
import { nodesTable, type SlotRange, type TableRow } from './nodes-table.ts'

export interface ClusterNode extends RedisProcess {
  /** For its whole life, also over restarts. */
  readonly id: string
}

/** A node as it says itself that it is. */
export interface ClusterMember {
  readonly node: ClusterNode
  readonly role: 'master' | 'replica'
  /** Of its master, for a replica. */
  readonly masterId: string | undefined
  readonly slots: readonly SlotRange[]
  /** Of two masters that claim a slot, the one with the higher epoch has it. */
  readonly epoch: number
}

/** What the nodes that answer say of themselves, in the order of `nodes`. */
export async function clusterShape(nodes: readonly ClusterNode[]): Promise<ClusterMember[]> {
  const members = await Promise.all(
    nodes.map(async node => {
      const table = await nodesTable(node).catch(() => [])
      const own = table.find(({ flags }) => flags.has('myself'))
      return own && memberOf(node, own)
    }),
  )
  return members.filter(member => member !== undefined)
}

function memberOf(node: ClusterNode, { flags, masterId, slots, epoch }: TableRow): ClusterMember {
  return { node, role: flags.has('master') ? 'master' : 'replica', masterId, slots, epoch }
}

/** The master that has the slot, of those that answer. */
export function slotOwner(shape: readonly ClusterMember[], slot: number): ClusterNode | undefined {
  return shape
    .filter(({ role, slots }) => role === 'master' && slots.some(([first, last]) => first <= slot && slot <= last))
    .sort((a, b) => b.epoch - a.epoch)[0]?.node
}
