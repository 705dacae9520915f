import { replicationDirectives } from '../replicated/replication.ts'
import type { Directives, ServerOptions } from '../server/redis-configuration.ts'
import { settle } from '../topology/settling.ts'
import { type Together, together } from '../topology/together.ts'
import { clientPort, commonEnvironment, type Topology } from '../topology/topology.ts'
import { failOver } from './cluster-failover.ts'
import { formCluster, type Shard } from './cluster-formation.ts'
import { clusterObstacle } from './cluster-obstacle.ts'
import { type ClusterMember, type ClusterNode, clusterShape, slotOwner } from './cluster-shape.ts'
import { keySlot } from './key-slot.ts'
import { openSlot, type SlotMove } from './slot-move.ts'

export interface ClusterOptions extends ServerOptions {
  /** Default 3. */
  masters?: number
  /** Of each master. Default 1. */
  replicas?: number
  /** Silence after which a node is found failing, in milliseconds. Default 2000. */
  nodeTimeout?: number
  /** Whether nothing is answered while a slot has no master. Default `yes`, as Redis has it. */
  requireFullCoverage?: 'yes' | 'no'
}

export interface Cluster extends Topology {
  readonly nodes: readonly ClusterNode[]
  /** What the nodes that answer within a second say of themselves. */
  shape(): Promise<ClusterMember[]>
  /** The master that has a slot, or that of a key. @throws Error when no node that answers has it */
  ownerOf(slotOrKey: number | string): Promise<ClusterNode>
  /** Those that answer. */
  replicasOf(master: ClusterNode): Promise<ClusterNode[]>
  /**
   * Moves a slot with its keys to another master while clients go on. With `half`, half of its keys, rounded down, are
   * moved and the slot is left open until `finish()` of what it resolves with.
   */
  moveSlot(slot: number, to: ClusterNode, options?: { half?: boolean }): Promise<SlotMove>
  /**
   * A planned failover to `node` if it is a replica, else from `node` to one of its replicas. Resolves with the new
   * master when all nodes know of it.
   */
  failover(node: ClusterNode): Promise<ClusterNode>
}

/**
 * Starts the nodes, makes them one cluster, and resolves when every node says `ok`, sees all others as they see
 * themselves and lists them for clients, all slots are covered, and every replica's link is up. Replicas stay with their
 * master's shard.
 *
 * @throws Error as `startRedis`; everything that was started is gone then
 */
export function startCluster(given: ClusterOptions = {}): Promise<Cluster> {
  const { masters = 3, replicas = 1 } = given
  return together(given, async all => {
    if (!(masters >= 1))
      throw new Error('a cluster needs masters: give the option "masters" 1 or more, 3 to survive one')
    const directives = clusterDirectives(given, all)
    const specs = Array.from({ length: masters * (1 + replicas) }, (_, index) => ({
      name: `cluster node ${index + 1}`,
      directives,
    }))
    const nodes = await Promise.all(
      (await all.start(specs)).map(async node =>
        Object.assign(node, { id: String(await node.ask('CLUSTER', 'MYID')) }),
      ),
    )
    await formCluster(shardsOf(nodes, masters))
    const settled = () => settle('the cluster', () => clusterObstacle(nodes))
    await settled()

    const { url } = nodes[0]!
    const shape = () => clusterShape(nodes)
    const ownerOf = async (slotOrKey: number | string) => {
      const slot = typeof slotOrKey === 'number' ? slotOrKey : keySlot(slotOrKey)
      const owner = slotOwner(await shape(), slot)
      if (owner === undefined) throw new Error(`no node that answers has slot ${slot}`)
      return owner
    }
    const replicasOf = async (master: ClusterNode) =>
      (await shape()).filter(({ masterId }) => masterId === master.id).map(({ node }) => node)
    return {
      url,
      environment: {
        ...commonEnvironment(url, all.tls),
        // The list of nodes takes the place of the URL, with what that holds.
        ...(given.password !== undefined && { REDIS_PASSWORD: given.password }),
        REDIS_CLUSTER_MODE: 'true',
        REDIS_CLUSTER_NODES: nodes.map(node => `127.0.0.1:${clientPort(node)}`).join(','),
      },
      nodes,
      tls: all.tls,
      shape,
      ownerOf,
      replicasOf,
      async moveSlot(slot, to, { half = false } = {}) {
        const from = await ownerOf(slot)
        if (from === to) throw new Error(`slot ${slot} is already at the node on port ${to.port}`)
        const masters = async () => (await shape()).filter(({ role }) => role === 'master').map(({ node }) => node)
        const { move, moveKeys } = await openSlot({ slot, from, to, login: all.login, masters })
        const keys = Number(await from.ask('CLUSTER', 'COUNTKEYSINSLOT', String(slot)))
        if (half) await moveKeys(Math.floor(keys / 2))
        else await move.finish()
        return move
      },
      async failover(node) {
        const [replica = node] = await replicasOf(node)
        const isMaster = async () => (await shape()).some(({ node, role }) => node === replica && role === 'master')
        await failOver(replica, isMaster)
        await settled()
        return replica
      },
      settled,
      stop: all.end,
      [Symbol.asyncDispose]: all.end,
    }
  })
}

function clusterDirectives(options: ClusterOptions, { tls, login }: Together) {
  return (port: number): Directives => ({
    ...replicationDirectives(login),
    'cluster-enabled': 'yes',
    'cluster-config-file': 'nodes.conf',
    'cluster-node-timeout': options.nodeTimeout ?? 2_000,
    'cluster-require-full-coverage': options.requireFullCoverage ?? 'yes',
    // Replicas are listed for clients when they have received something; the usual 10 s would be waited for at the start.
    'repl-ping-replica-period': 1,
    'cluster-allow-replica-migration': 'no',
    'cluster-announce-ip': '127.0.0.1',
    [tls === undefined ? 'cluster-announce-port' : 'cluster-announce-tls-port']: port,
    ...(tls && { 'tls-cluster': 'yes' }),
  })
}

function shardsOf(nodes: readonly ClusterNode[], masters: number): Shard[] {
  return nodes.slice(0, masters).map((master, index) => ({
    master,
    replicas: nodes.slice(masters).filter((_, replica) => replica % masters === index),
  }))
}
