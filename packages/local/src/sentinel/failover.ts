import { replicationOf } from '../replicated/replication.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import { firstObstacle, settle } from '../topology/settling.ts'
import { clientPort } from '../topology/topology.ts'
import type { Watched } from './sentinel-obstacle.ts'
import { statedMaster } from './sentinel-view.ts'

/** Asks a Sentinel for a failover away from `old`, and waits until all that run name the same other master. */
export async function promote(
  { masterName, sentinels }: Watched,
  old: RedisProcess,
  master: () => Promise<RedisProcess>,
): Promise<RedisProcess> {
  const running = sentinels.filter(sentinel => sentinel.running)
  const [first] = running
  if (first === undefined) throw new Error('no Sentinel is running that could be asked for a failover')
  // A replica that has just come back is none yet that a Sentinel would promote.
  await settle('the request for a failover', () =>
    firstObstacle([first], async sentinel => {
      await sentinel.ask('SENTINEL', 'FAILOVER', masterName)
      return undefined
    }),
  )

  await settle('the failover', async () => {
    const now = await master().catch(() => undefined)
    if (now === undefined) return { node: first, what: 'or no other names a master that was started here' }
    if (now === old) return { node: first, what: 'still names the old master' }
    const port = String(clientPort(now))
    return (
      (await firstObstacle(running, async sentinel =>
        (await statedMaster(sentinel, masterName)).get('port') === port ? undefined : 'names another master',
      )) ??
      (await firstObstacle([now], async node =>
        (await replicationOf(node)).get('role') === 'master' ? undefined : 'is no master yet',
      ))
    )
  })
  return master()
}
