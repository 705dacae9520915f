import { type Address, endpointName, reachable, type Target } from '../settings.ts'
import { slotCount } from './slot.ts'

/** A node as one of the cluster describes it. */
export interface Member {
  readonly id: string
  readonly address: Address
  readonly master: boolean
  /** The id of its master. */
  readonly of: string | undefined
  /** Of the configuration by which it has its slots: the newest is right. */
  readonly epoch: number
  readonly failed: boolean
  /** First and last slot of each range. */
  readonly slots: readonly (readonly [number, number])[]
}

/** Who has which slot. */
export interface SlotMap {
  /** The name of the master of each slot; undefined for one nobody serves. */
  readonly owners: readonly (string | undefined)[]
  readonly masters: ReadonlyMap<string, Address>
  /** The replicas that are up, by the name of their master. */
  readonly replicas: ReadonlyMap<string, readonly Address[]>
}

/** Reads CLUSTER NODES. `asked` stands for the node that answers, which may not know its own address. */
export function readMembers(text: string, asked: Address, natMap: Target['natMap']): Member[] {
  const members: Member[] = []
  for (const line of text.split('\n')) {
    const [id, where = '', flags = '', of, , , epoch, , ...ranges] = line.trim().split(' ')
    if (!id || flags.includes('handshake') || flags.includes('noaddr')) continue
    const [, ip = '', port = '', name = ''] = /^(.*):(\d+)(?:@\d+)?(?:,([^,]*))?/.exec(where) ?? []
    const host = name || ip
    members.push({
      id,
      address: host ? reachable(natMap, host, Number(port)) : asked,
      master: flags.includes('master'),
      of: of === '-' ? undefined : of,
      epoch: Number(epoch),
      failed: flags.split(',').includes('fail'),
      // `[slot->-id]` is one on its way to another node, and still here.
      slots: ranges
        .filter(range => !range.startsWith('['))
        .map(range => {
          const [first = 0, last = first] = range.split('-').map(Number)
          return [first, last] as const
        }),
    })
  }
  return members
}

/** Joins what several nodes say: each slot belongs to who claims it by the newest configuration. */
export function joinMembers(reports: readonly (readonly Member[])[]): SlotMap {
  const owners = new Array<string | undefined>(slotCount)
  const epochs = new Float64Array(slotCount).fill(-1)
  const masters = new Map<string, Address>()
  const replicas = new Map<string, Address[]>()
  const names = new Map<string, string>()
  for (const { id, address, epoch, master, slots } of reports.flat()) {
    const name = endpointName(address)
    names.set(id, name)
    if (!master) continue
    for (const [first, last] of slots) {
      for (let slot = first; slot <= last; slot++) {
        if (epoch <= epochs[slot]!) continue
        epochs[slot] = epoch
        owners[slot] = name
      }
    }
  }
  const owning = new Set(owners)
  for (const { address, of, failed } of reports.flat()) {
    const name = endpointName(address)
    if (owning.has(name)) masters.set(name, address)
    const master = of && names.get(of)
    if (!master || failed || !owning.has(master) || owning.has(name)) continue
    const known = replicas.get(master) ?? []
    if (!known.some(other => endpointName(other) === name)) replicas.set(master, [...known, address])
  }
  return { owners, masters, replicas }
}
