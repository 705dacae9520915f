import { busOffset } from '../port/port-claim.ts'
import { settle } from '../topology/settling.ts'
import { clientPort } from '../topology/topology.ts'
import type { ClusterNode } from './cluster-shape.ts'
import { slotCount } from './key-slot.ts'

/** A master that is to be, and its replicas. */
export interface Shard {
  readonly master: ClusterNode
  readonly replicas: readonly ClusterNode[]
}

/**
 * Makes one cluster of empty nodes: each gets a configuration epoch of its own, so that none has to be fought over,
 * the masters get equal shares of the slots, every node meets every other instead of waiting for gossip, and replicas
 * are told their master as soon as they know of it.
 */
export async function formCluster(shards: readonly Shard[]): Promise<void> {
  const nodes = shards.flatMap(({ master, replicas }) => [master, ...replicas])
  await Promise.all(nodes.map((node, index) => node.ask('CLUSTER', 'SET-CONFIG-EPOCH', String(index + 1))))
  await Promise.all(
    shards.map(({ master }, index) => {
      const edge = (of: number) => Math.round((of * slotCount) / shards.length)
      return master.ask('CLUSTER', 'ADDSLOTSRANGE', String(edge(index)), String(edge(index + 1) - 1))
    }),
  )
  await Promise.all(nodes.flatMap((node, index) => nodes.slice(index + 1).map(other => meet(node, other))))
  await Promise.all(shards.flatMap(({ master, replicas }) => replicas.map(replica => follow(replica, master))))
}

function meet(node: ClusterNode, other: ClusterNode): Promise<unknown> {
  return node.ask('CLUSTER', 'MEET', '127.0.0.1', String(clientPort(other)), String(other.port + busOffset))
}

async function follow(replica: ClusterNode, master: ClusterNode): Promise<void> {
  await settle('the cluster', async () => {
    try {
      await replica.ask('CLUSTER', 'REPLICATE', master.id)
      return undefined
    } catch (error) {
      return { node: replica, what: `cannot follow its master yet (${error instanceof Error ? error.message : error})` }
    }
  })
}
