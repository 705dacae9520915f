import { startCluster } from '../cluster/start-cluster.ts'
import { startReplicated } from '../replicated/start-replicated.ts'
import { startSentinel } from '../sentinel/start-sentinel.ts'
import type { ServerOptions } from '../server/redis-configuration.ts'
import { startStandalone } from './start-standalone.ts'
import type { Topology } from './topology.ts'

export type TopologyName = 'standalone' | 'replica' | 'sentinel' | 'cluster'

/** A way to start servers, for tools that offer the choice. */
export interface TopologyChoice {
  /** In a few words, with its size. */
  readonly description: string
  start(options?: ServerOptions): Promise<Topology>
}

export const topologies: Readonly<Record<TopologyName, TopologyChoice>> = {
  standalone: { description: 'one server', start: startStandalone },
  replica: { description: 'a master and a replica', start: startReplicated },
  sentinel: { description: 'a master, two replicas and three Sentinels', start: startSentinel },
  cluster: { description: 'three masters with a replica each', start: startCluster },
}
