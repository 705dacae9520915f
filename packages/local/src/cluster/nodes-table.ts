import { askOnce } from '../server/ask-once.ts'
import type { RedisProcess } from '../server/redis-process.ts'

/** From the first to the last, both included. */
export type SlotRange = readonly [first: number, last: number]

/** One line of CLUSTER NODES: what one node says of itself or of another. */
export interface TableRow {
  readonly id: string
  /** `myself`, `master`, `slave`, `fail?`, `fail`, `handshake`, … */
  readonly flags: ReadonlySet<string>
  /** Of its master, for a replica. */
  readonly masterId: string | undefined
  readonly epoch: number
  readonly connected: boolean
  readonly slots: readonly SlotRange[]
}

/** A node that does not answer within this many milliseconds has no say. */
const sayWithin = 1_000

export async function nodesTable(node: RedisProcess): Promise<TableRow[]> {
  const text = String(await askOnce(node, sayWithin, ['CLUSTER', 'NODES']))
  return text.trimEnd().split('\n').map(row)
}

function row(line: string): TableRow {
  const [id = '', , flags = '', master = '-', , , epoch = '', link = '', ...slots] = line.split(' ')
  return {
    id,
    flags: new Set(flags.split(',')),
    masterId: master === '-' ? undefined : master,
    epoch: Number(epoch),
    connected: link === 'connected',
    // In brackets are slots on the move, which still are where they were.
    slots: slots.filter(range => !range.startsWith('[')).map(slotRange),
  }
}

function slotRange(text: string): SlotRange {
  const [first, last = first] = text.split('-').map(Number)
  return [first ?? 0, last ?? 0]
}
