import type { Call } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import { commandKey } from '../command-table.ts'
import { type Send, withScripts } from '../commands.ts'
import type { Redirection } from '../failure.ts'
import { openLink } from '../link.ts'
import { fixedAt } from '../locator.ts'
import { isFatal, type Node, type NodeEvent, openNode } from '../node.ts'
import type { Argument, RecoveryHook, Redis } from '../redis.ts'
import { scanPage } from '../scan.ts'
import type { OpenServer } from '../server.ts'
import { type Address, type Endpoint, endpointName, reachable } from '../settings.ts'
import { createSubscriber } from '../subscriber.ts'
import { transactOn } from '../transaction.ts'
import { createWaiting } from '../waiting.ts'
import { createReplicaReads } from './replica-reads.ts'
import { createRouter } from './router.ts'
import { createShardChannels } from './shard-channels.ts'
import { slotOf } from './slot.ts'
import type { SlotMap } from './slot-map.ts'
import { createSurvey } from './survey.ts'

/** What a change of the map made needless: whoever waits there asks the map again. */
const rerouted = () => new KeyplanError('REDIRECTED', 'The slot has moved to another node', { outcome: 'not-executed' })

/** A slot that moves key by key answers ASK all the while. Milliseconds. */
const receivesFor = 10_000

const crossSlot = () =>
  new KeyplanError('CROSS_SLOT', 'The keys of a transaction lie in different slots; give them one hash tag', {
    outcome: 'not-executed',
  })

/**
 * A cluster: one supervised node for each master that has slots, and the map that says which. A node that fails holds up
 * only its own slots.
 */
export const openCluster: OpenServer = (settings, clock, onEvent) => {
  const { target } = settings
  const hooks = new Set<RecoveryHook>()
  const nodes = new Map<string, Node>()
  const addresses = new Map<string, Address>()
  /** When an answer last sent a call to a node that is getting its slot. */
  const receiving = new Map<string, number>()
  const unmapped = createWaiting(settings.waiting, clock, () => unserved().message)
  const ending = new AbortController()
  const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })
  const endpoint = (address: Address): Endpoint => ({ ...address, ...target.access, database: 0 })
  let owners: (string | undefined)[] = []
  let known: SlotMap | undefined
  let error: KeyplanError | undefined
  let closing: Promise<void> | undefined

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
      onEvent({ type: 'attempt-failed', node: clusterName(), lane: '', error: cause, attempts })
      if (isFatal(cause))
        unmapped.reject(() => new KeyplanError(cause.code, cause.message, { outcome: 'not-executed' }))
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
    if (event.type !== 'ready') return
    survey.sooner()
    subscriber.serverIsBack()
  }

  function adopt(map: SlotMap): void {
    const before = owners
    owners = [...map.owners]
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
    unmapped.release()
    shards.mapChanged()
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

  const clusterName = () => target.addresses.map(endpointName).join(', ')

  /** Of a call that names no key any node will do. */
  const anyNode = () => {
    const all = [...nodes.values()]
    return all.find(({ state }) => state === 'ready') ?? all[0]
  }
  const ownerOf = (slot: number | undefined) => {
    if (slot === undefined) return anyNode()
    const owner = owners[slot]
    return owner === undefined ? undefined : nodes.get(owner)
  }
  const unserved = () => {
    const message = error?.message ?? 'No node of the cluster serves this slot'
    return new KeyplanError('CLUSTER_DOWN', message, { outcome: 'not-executed' })
  }
  /** The node that an answer points to. */
  function pointed({ kind, slot, host, port }: Redirection, answered: Node): Node {
    const place = host
      ? reachable(target.natMap, host, port)
      : { host: addresses.get(answered.name)?.host ?? '127.0.0.1', port }
    if (closing) throw closed()
    if (kind === 'ASK') {
      receiving.set(endpointName(place), clock.now())
      return nodeAt(place)
    }
    const predecessor = owners[slot]
    owners[slot] = endpointName(place)
    survey.soon()
    return succeed(place, predecessor)
  }
  const router = createRouter({
    ownerOf,
    pointed,
    absent(call, args, go, fail) {
      if (closing) return fail(closed())
      if (call.hold === true) unmapped.add(call, args, go, fail)
      else fail(unserved())
      survey.soon()
    },
    unserved,
    disturbed: () => survey.soon(),
    maxRedirects: target.maxRedirects,
    clock,
  })
  const shards = createShardChannels({
    ownerOf,
    pointed: (redirection, answered) => void pointed(redirection, answered),
    isClosed: () => closing !== undefined,
    clock,
  })
  const slotOfCall = (command: string, args: readonly Argument[]) => {
    const key = commandKey(command, args)
    return key === undefined ? undefined : slotOf(key)
  }
  const send: Send = (command, args, call, encoding) =>
    router.run(slotOfCall(command, args), call, args, (node, asking) => {
      if (!asking) return node.send(command, args, call, encoding)
      return node.over(call, args, open => {
        const link = open.forKey(commandKey(command, args))
        link.send('asking', []).catch(() => {})
        return link.send(command, args, encoding)
      })
    })

  const subscriber = createSubscriber(
    () => openLink({ ...settings, scripts: [] }, endpoint(listeningAt()), 'subscriber', clock, ending.signal),
    {
      reachable: () => anyNode()?.state === 'ready',
      gap: () => onEvent({ type: 'gap', node: clusterName(), lane: '' }),
      backoff: settings.backoff,
      clock,
    },
  )
  const listeningAt = () => addresses.get(anyNode()?.name ?? '') ?? target.addresses[0]!

  const replicas = createReplicaReads({
    settings,
    nearest: target.readFrom === 'nearest',
    places: master => known?.replicas.get(master) ?? [],
    endpoint,
    clock,
  })

  async function scan(glob: string, cursor: string, call: Call) {
    const names = [...nodes.keys()].sort()
    const [at = '', within = '0'] = cursor === '0' ? [names[0]] : cursor.split(' ')
    const node = nodes.get(at)
    const page = node ? await scanPage(node.send, glob, within, call) : { cursor: '0', keys: [] }
    if (page.cursor !== '0') return { cursor: `${at} ${page.cursor}`, keys: page.keys }
    const next = names.find(name => name > at)
    return { cursor: next === undefined ? '0' : `${next} 0`, keys: page.keys }
  }

  const redis: Redis = {
    ...withScripts(send, key => owners[slotOf(key)] ?? ''),
    transact(commands, call, encoding) {
      const slots = commands.map(([name, ...args]) => slotOfCall(name, args)).filter(slot => slot !== undefined)
      if (new Set(slots).size > 1) return Promise.reject(crossSlot())
      return router.run(slots[0], call, commands.flat(), (node, asking) =>
        node.over(call, commands.flat(), link => transactOn(link, commands, encoding, asking)),
      )
    },
    block(command, args, options) {
      const slot = slotOfCall(command, args(1))
      return router.block(slot, (node, asking) => node.block(command, args, options, asking))
    },
    subscribe: (channel, handlers, kind) =>
      kind === 'sharded' ? shards.subscribe(channel, handlers) : subscriber.subscribe(channel, handlers, kind),
    scan,
    serverTime: key => ownerOf(slotOf(key))?.serverTime() ?? clock.wall(),
    lane: key => owners[slotOf(key)] ?? '',
    slot: slotOf,
    beforeReady(hook) {
      hooks.add(hook)
      return () => hooks.delete(hook)
    },
  }

  async function close(): Promise<void> {
    ending.abort()
    survey.stop()
    unmapped.reject(closed)
    await Promise.all([subscriber.close(), replicas.close(), ...[...nodes.values()].map(node => node.close())])
  }

  function state(): Node['state'] {
    if (closing) return 'closed'
    const states = new Set([...nodes.values()].map(node => node.state))
    if (nodes.size === 0) return error || known ? 'down' : 'connecting'
    return states.has('down') ? 'down' : states.has('connecting') ? 'connecting' : 'ready'
  }

  return {
    redis,
    readers: {
      send(command, args, call, encoding) {
        const slot = slotOfCall(command, args)
        const owner = slot === undefined || target.readFrom === 'master' ? undefined : owners[slot]
        const through = owner === undefined ? send : replicas.of(owner).before(send)
        return through(command, args, call, encoding)
      },
    },
    get state() {
      return state()
    },
    get error() {
      return error ?? [...nodes.values()].find(node => node.error)?.error
    },
    get version() {
      return anyNode()?.version
    },
    get name() {
      return clusterName()
    },
    get nodes() {
      return [...nodes.values()]
    },
    async ping(lane, call) {
      await nodes.get(lane)?.send('ping', [], call)
    },
    start: survey.start,
    close() {
      closing ??= close()
      return closing
    },
  }
}
