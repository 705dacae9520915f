import { settle } from '../topology/settling.ts'
import type { ClusterNode } from './cluster-shape.ts'

/** A replica gives a planned failover up after 5 s, when its master was too busy to hand over. */
const askAgainAfter = 6_000

/** Lets a replica take over from its master, and resolves when it says that it has. */
export async function failOver(replica: ClusterNode, isMaster: () => Promise<boolean>): Promise<void> {
  let askedAt = Number.NEGATIVE_INFINITY
  await settle('the failover', async () => {
    if (await isMaster()) return undefined
    if (performance.now() - askedAt > askAgainAfter) {
      askedAt = performance.now()
      await replica.ask('CLUSTER', 'FAILOVER')
    }
    return { node: replica, what: 'is no master yet' }
  })
}
