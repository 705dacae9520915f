import { lackingMaster, replicationOf } from '../replicated/replication.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { firstObstacle, type Obstacle } from '../topology/settling.ts'
import { clientPort } from '../topology/topology.ts'
import { newestMaster, type Stated, statedMaster, statedOthers } from './sentinel-view.ts'

/** The servers under Sentinels, and those. */
export interface Watched {
  readonly masterName: string
  readonly data: readonly RedisProcess[]
  readonly sentinels: readonly RedisProcess[]
}

/** A Sentinel whose INFO of a replica is older than this many milliseconds passes that one over when the master is down. */
const freshWithin = 5_000

/**
 * What keeps the whole from being whole, or a failover from working: Sentinels that do not know each other or the
 * replicas, or know them as down or from too long ago.
 */
export async function sentinelObstacle({ masterName, data, sentinels }: Watched): Promise<Obstacle | undefined> {
  const newest = await newestMaster(sentinels, masterName)
  if (newest === undefined) return { node: sentinels[0]!, what: 'does not answer' }
  return (
    (await firstObstacle(sentinels, sentinel => doubt(sentinel, masterName, newest.port, data, sentinels))) ??
    (await firstObstacle(data, node => misplaced(node, newest.port, data.length - 1)))
  )
}

async function doubt(
  sentinel: RedisProcess,
  masterName: string,
  masterPort: number,
  data: readonly RedisProcess[],
  sentinels: readonly RedisProcess[],
): Promise<string | undefined> {
  const [master, replicas, others] = await Promise.all([
    statedMaster(sentinel, masterName),
    statedOthers(sentinel, 'REPLICAS', masterName),
    statedOthers(sentinel, 'SENTINELS', masterName),
  ])
  if (master.get('port') !== String(masterPort)) return 'names an older master than another Sentinel'
  if (master.get('flags') !== 'master') return `sees the master as ${master.get('flags')}`
  const known = replicas.filter(isPromotable).length
  if (known !== data.length - 1) return `knows ${known} of ${data.length - 1} replicas that could take over`
  const met = others.filter(other => other.get('flags') === 'sentinel').length
  return met === sentinels.length - 1 ? undefined : `knows ${met} of ${sentinels.length - 1} other Sentinels`
}

function isPromotable(replica: Stated): boolean {
  return (
    replica.get('flags') === 'slave' &&
    replica.get('role-reported') === 'slave' &&
    replica.get('master-link-status') === 'ok' &&
    Number(replica.get('info-refresh')) < freshWithin
  )
}

/** Why the node does not have the role it should, as it says itself. */
async function misplaced(node: RedisProcess, masterPort: number, replicas: number): Promise<string | undefined> {
  if (clientPort(node) === masterPort) return lackingMaster(node, replicas)
  const replication = await replicationOf(node)
  if (replication.get('master_port') !== String(masterPort)) return 'follows another master'
  return replication.get('master_link_status') === 'up' ? undefined : 'has a replication link that is down'
}
