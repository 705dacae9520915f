import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Redirection } from '../failure.ts'
import { openLink } from '../link.ts'
import { fixedAt } from '../locator.ts'
import { type Node, openNode } from '../node.ts'
import type { NodeEvent } from '../node-event.ts'
import type { RecoveryHook } from '../redis.ts'
import type { OnNodeEvent } from '../server.ts'
import { type Address, type Endpoint, endpointName, reachable, type ServerSettings } from '../settings.ts'
import type { Trackers } from '../trackers.ts'
import { slotCount, slotOf } from './slot.ts'
import type { SlotMap } from './slot-map.ts'
import { createSurvey } from './survey.ts'

/** The nodes of a cluster that are needed, and which of them has which slot. */
export interface Membership {
  readonly nodes: ReadonlyMap<string, Node>
  /** The name of the node that has a slot; undefined where nobody is known to. */
  ownerName(slot: number): string | undefined
  /** The node that has a slot; of a call without one, any. */
  ownerOf(slot: number | undefined): Node | undefined
  /** See `Tracking.mark`. */
  mark(slot: number, now?: number): number | undefined
  addressOf(node: Node): Address | undefined
  replicasOf(master: string): readonly Address[]
  /** The node that an answer points to. Notes who has the slot from now on. */
  pointed(redirection: Redirection, answered: Node): Node
  /** The map may be out of date. */
  disturbed(): void
  readonly state: Node['state']
  readonly error: KeyplanError | undefined
  start(): void
  close(): Promise<void>
}

interface MembershipOptions {
  readonly settings: ServerSettings
  readonly hooks: ReadonlySet<RecoveryHook>
  readonly trackers: Trackers
  readonly clusterName: string
  endpoint(address: Address): Endpoint
  readonly clock: Clock
  onEvent: OnNodeEvent
  /** Slots have found their nodes, or gone to others. */
  mapped(): void
  /** The map cannot be had. */
  failed(cause: KeyplanError): void
}

/** How long a node is kept that answers pointed to, though it has no slot yet: a slot that moves key by key answers ASK all
 * the while. Milliseconds. */
const receivesFor = 10_000

const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

/** What a change of the map made needless: whoever waits there asks the map again. */
const rerouted = () => new KeyplanError('REDIRECTED', 'The slot has moved to another node', { outcome: 'not-executed' })

export function createMembership(options: MembershipOptions): Membership {
  const { settings, hooks, trackers, clusterName, endpoint, clock, onEvent } = options
  const { target } = settings
  const nodes = new Map<string, Node>()
  const addresses = new Map<string, Address>()
  /** When an answer last sent a call to a node that is getting its slot. */
  const receiving = new Map<string, number>()
  const ending = new AbortController()
  /** The mark before which nothing is vouched for, of each slot that went elsewhere, or was on its way. */
  const moved = new Float64Array(slotCount)
  let owners: (string | undefined)[] = []
  let known: SlotMap | undefined
  let error: KeyplanError | undefined

  const survey = createSurvey({
    seeds: target.addresses,
    natMap: target.natMap,
    members: () => [...nodes].map(([name, node]) => ({ node, address: addresses.get(name)! })),
    open: address => openLink({ ...settings, scripts: [] }, endpoint(address), 'commands', clock, ending.signal),
    // As long as a slot has no node that answers, its next one is looked for.
    wanting: () => nodes.size === 0 || [...nodes.values()].some(({ state }) => state !== 'ready'),
    found: adopt,
    failed(cause, attempts) {
      error = cause
      onEvent({ type: 'attempt-failed', node: clusterName, lane: '', error: cause, attempts })
      options.failed(cause)
    },
    backoff: settings.backoff,
    clock,
  })

  function nodeAt(address: Address, replaces?: number): Node {
    const name = endpointName(address)
    const present = nodes.get(name)
    if (present) return present
    const node = openNode({
      settings,
      pool: target.pool,
      maxConnections: target.maxConnections,
      lane: name,
      locator: fixedAt(endpoint(address), name),
      hooks,
      trackers,
      slot: slotOf,
      concerns: key => owners[slotOf(key)] === name,
      ...(replaces !== undefined && { replaces }),
      clock,
      onEvent: event => heard(event),
    })
    nodes.set(name, node)
    addresses.set(name, address)
    node.start()
    return node
  }

  function heard(event: NodeEvent): void {
    onEvent(event)
    if (event.type === 'lost' || event.type === 'attempt-failed') survey.soon()
    if (event.type === 'ready') survey.sooner()
  }

  function adopt(map: SlotMap): void {
    const before = owners
    owners = [...map.owners]
    const now = trackers.next()
    for (let slot = 0; slot < slotCount; slot++) if (before[slot] !== owners[slot]) moved[slot] = now
    error = undefined
    for (const [name, address] of map.masters) {
      if (nodes.has(name)) continue
      succeed(
        address,
        before.find((owner, slot) => owner !== undefined && owners[slot] === name),
      )
    }
    known = map
    for (const [name, node] of nodes) {
      if (before.some((owner, slot) => owner === name && owners[slot] !== name)) node.dismiss(rerouted)
      if (map.masters.has(name) || isReceiving(name)) continue
      nodes.delete(name)
      addresses.delete(name)
      receiving.delete(name)
      void node.close(rerouted)
    }
    options.mapped()
  }

  /** The node that has a slot from now on. A replica that took its master's place may lack what that one had. */
  function succeed(address: Address, predecessor: string | undefined): Node {
    const name = endpointName(address)
    const replicas = (predecessor !== undefined && known?.replicas.get(predecessor)) || []
    if (nodes.has(name) || !replicas.some(place => endpointName(place) === name)) return nodeAt(address)
    const node = nodeAt(address, nodes.get(predecessor!)?.downFor() ?? 0)
    onEvent({ type: 'moved', node: name, lane: name, from: predecessor! })
    return node
  }

  /** Slots are on their way to it: it may have none yet. */
  const isReceiving = (name: string) => clock.now() - (receiving.get(name) ?? Number.NEGATIVE_INFINITY) < receivesFor

  /** Of a call that names no key any node will do. */
  function anyNode(): Node | undefined {
    const all = [...nodes.values()]
    return all.find(({ state }) => state === 'ready') ?? all[0]
  }

  function stateOf(): Node['state'] {
    if (ending.signal.aborted) return 'closed'
    const states = new Set([...nodes.values()].map(node => node.state))
    if (nodes.size === 0) return error || known ? 'down' : 'connecting'
    return states.has('down') ? 'down' : states.has('connecting') ? 'connecting' : 'ready'
  }

  return {
    nodes,
    ownerName: slot => owners[slot],
    ownerOf(slot) {
      if (slot === undefined) return anyNode()
      const owner = owners[slot]
      return owner === undefined ? undefined : nodes.get(owner)
    },
    mark(slot, now) {
      const owner = owners[slot]
      const since = owner === undefined ? undefined : nodes.get(owner)?.hearing.since(now)
      return since && Math.max(since, moved[slot]!)
    },
    addressOf: node => addresses.get(node.name),
    replicasOf: master => known?.replicas.get(master) ?? [],
    pointed({ kind, slot, host, port }, answered) {
      const place = host
        ? reachable(target.natMap, host, port)
        : { host: addresses.get(answered.name)?.host ?? '127.0.0.1', port }
      if (ending.signal.aborted) throw closed()
      // What another node has answered, this one's changes do not concern.
      moved[slot] = trackers.next()
      if (kind === 'ASK') {
        receiving.set(endpointName(place), clock.now())
        return nodeAt(place)
      }
      const predecessor = owners[slot]
      owners[slot] = endpointName(place)
      survey.soon()
      return succeed(place, predecessor)
    },
    disturbed: survey.soon,
    get state() {
      return stateOf()
    },
    get error() {
      return error ?? [...nodes.values()].find(node => node.error)?.error
    },
    start: survey.start,
    async close() {
      ending.abort()
      survey.stop()
      await Promise.all([...nodes.values()].map(node => node.close()))
    },
  }
}
