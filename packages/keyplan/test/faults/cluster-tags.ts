import type { Cluster, ClusterNode } from '@keyplan/local'
import type { Subject } from './failover-client.ts'

/** A hash tag for each master. */
export async function tagsOf(cluster: Cluster): Promise<(readonly [ClusterNode, string])[]> {
  const found = new Map<ClusterNode, string>()
  const masters = (await cluster.shape()).filter(({ slots }) => slots.length > 0).length
  for (let tag = 0; found.size < masters; tag++) found.set(await cluster.ownerOf(`{${tag}}`), String(tag))
  return [...found]
}

export const keyOf = (tag: string) => (id: string) => `raw:{${tag}}${id}`

/** Increments of keys with one hash tag. */
export const incrementsOf =
  ({ $command }: Subject, tag: string) =>
  (id: string) =>
    $command('INCR', [keyOf(tag)(id)])

/** Reads keys with one hash tag from their owner. */
export const readTag = (cluster: Cluster, tag: string) => async (ids: readonly string[]) => {
  const owner = await cluster.ownerOf(`{${tag}}`)
  return (await owner.ask('MGET', ...ids.map(keyOf(tag)))) as unknown[]
}

export const addressesOf = ({ nodes }: Cluster) => nodes.map(({ port, proxy }) => `127.0.0.1:${proxy?.port ?? port}`)
