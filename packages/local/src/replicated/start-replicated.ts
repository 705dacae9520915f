import type { ServerOptions } from '../server/redis-configuration.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { firstObstacle, settle } from '../topology/settling.ts'
import { type Together, together } from '../topology/together.ts'
import { commonEnvironment, type Topology } from '../topology/topology.ts'
import { announced, brokenLink, lackingMaster } from './replication.ts'

export interface ReplicatedOptions extends ServerOptions {
  /** Default 1. */
  replicas?: number
}

/** A master and its replicas, with nobody who would promote one. */
export interface Replicated extends Topology {
  readonly master: RedisProcess
  readonly replicas: readonly RedisProcess[]
}

/**
 * Starts a master and its replicas, and resolves when every replica's link is up and the master has it in step.
 *
 * @throws Error as `startRedis`; everything that was started is gone then
 */
export function startReplicated({ replicas = 1, ...options }: ReplicatedOptions = {}): Promise<Replicated> {
  return together(options, async all => {
    const pair = await startMasterAndReplicas(all, replicas)
    const { master } = pair
    const settled = () => settle('replication', () => replicationObstacle(pair))
    await settled()
    const urls = pair.replicas.map(({ url }) => url)
    return {
      ...pair,
      url: master.url,
      environment: {
        ...commonEnvironment(master.url, all.tls),
        ...(replicas > 0 && { REDIS_READ_REPLICAS: 'true', REDIS_READ_REPLICA_URLS: urls.join(',') }),
      },
      nodes: [master, ...pair.replicas],
      tls: all.tls,
      settled,
      stop: all.end,
      [Symbol.asyncDispose]: all.end,
    }
  })
}

interface MasterAndReplicas {
  readonly master: RedisProcess
  readonly replicas: readonly RedisProcess[]
}

/** Without waiting for the links. */
export async function startMasterAndReplicas(all: Together, replicas: number): Promise<MasterAndReplicas> {
  const [master] = await all.start([{ name: 'the master', directives: announced(all.login, undefined) }])
  const specs = Array.from({ length: replicas }, (_, index) => ({
    name: `replica ${index + 1}`,
    directives: announced(all.login, master),
  }))
  return { master: master!, replicas: await all.start(specs) }
}

export async function replicationObstacle({ master, replicas }: MasterAndReplicas) {
  return (
    (await firstObstacle(replicas, brokenLink)) ??
    (await firstObstacle([master], node => lackingMaster(node, replicas.length)))
  )
}
