import { brokenLink } from '../replicated/replication.ts'
import type { RedisProcess } from '../server/redis-process.ts'
import type { RespReply } from '../server/resp-reply.ts'
import { firstObstacle, type Obstacle } from '../topology/settling.ts'
import { type ClusterNode, clusterShape } from './cluster-shape.ts'
import { slotCount } from './key-slot.ts'
import { nodesTable, type TableRow } from './nodes-table.ts'

/** What keeps a node from being `ok`, from seeing every other one, or from seeing them as they see themselves. */
export async function clusterObstacle(nodes: readonly ClusterNode[]): Promise<Obstacle | undefined> {
  const shape = await clusterShape(nodes)
  const truth = summary(shape.map(({ node, masterId, slots }) => ({ id: node.id, masterId, slots })))
  const serving = new Set(shape.filter(({ slots }) => slots.length > 0).map(({ node }) => node.id))
  const useful = shape.filter(({ node, masterId }) => serving.has(masterId ?? node.id)).length
  return (
    (await firstObstacle(nodes, node => doubt(node, nodes.length, truth))) ??
    (await firstObstacle(nodes, node => unlisted(node, useful))) ??
    (await firstObstacle(
      shape.filter(({ role }) => role === 'replica').map(({ node }) => node),
      brokenLink,
    ))
  )
}

async function doubt(node: RedisProcess, count: number, truth: string): Promise<string | undefined> {
  const info = String(await node.ask('CLUSTER', 'INFO'))
  const figure = (name: string) => new RegExp(`^${name}:(\\w+)`, 'm').exec(info)?.[1]
  if (figure('cluster_state') !== 'ok') return `says that the cluster's state is ${figure('cluster_state')}`
  if (figure('cluster_slots_ok') !== String(slotCount))
    return `knows ${figure('cluster_slots_ok')} of ${slotCount} slots`
  const table = await nodesTable(node)
  const sound = table.filter(
    ({ flags, connected }) => connected && !flags.has('handshake') && !flags.has('fail?') && !flags.has('fail'),
  )
  if (sound.length !== count) return `sees ${sound.length} of ${count} nodes as sound`
  return summary(table) === truth ? undefined : 'sees other nodes otherwise than they see themselves'
}

/** Why clients that ask this node would miss some. Replicas are not listed until they are known to have received something. */
async function unlisted(node: RedisProcess, count: number): Promise<string | undefined> {
  const ranges = await node.ask('CLUSTER', 'SLOTS')
  const listed = new Set(
    Array.isArray(ranges) ? ranges.flatMap(range => (Array.isArray(range) ? range.slice(2) : [])).map(idOf) : [],
  )
  return listed.size === count ? undefined : `lists ${listed.size} of ${count} nodes in CLUSTER SLOTS`
}

/** Of an entry `[address, port, id, …]`. */
function idOf(entry: RespReply): RespReply | undefined {
  return Array.isArray(entry) ? entry[2] : undefined
}

function summary(rows: readonly Pick<TableRow, 'id' | 'masterId' | 'slots'>[]): string {
  return rows
    .map(({ id, masterId, slots }) => `${id} ${masterId ?? '-'} ${slots.join(' ')}`)
    .sort()
    .join('\n')
}
