import type { Call } from '../../base/call.ts'
import { KeyplanError } from '../../base/error.ts'
import { commandKey } from '../command-table.ts'
import { type Send, withScripts } from '../commands.ts'
import { openLink } from '../link.ts'
import { isFatal } from '../node-event.ts'
import type { Argument, RecoveryHook, Redis } from '../redis.ts'
import { scanPage } from '../scan.ts'
import type { OpenServer } from '../server.ts'
import { type Address, type Endpoint, endpointName } from '../settings.ts'
import { createSubscriber } from '../subscriber.ts'
import { createTrackers } from '../trackers.ts'
import { transactOn } from '../transaction.ts'
import { createWaiting } from '../waiting.ts'
import { addedUp, listenersAsked } from './listeners.ts'
import { createMembership } from './membership.ts'
import { createReplicaReads } from './replica-reads.ts'
import { createRouter } from './router.ts'
import { createShardChannels } from './shard-channels.ts'
import { slotOf } from './slot.ts'

const closed = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

const crossSlot = () =>
  new KeyplanError('CROSS_SLOT', 'The keys of a transaction lie in different slots; give them one hash tag', {
    outcome: 'not-executed',
  })

/** A cluster as one server: each call goes to the node that has its slot, and a node that fails holds up only its own. */
export const openCluster: OpenServer = (settings, clock, onEvent) => {
  const { target } = settings
  const clusterName = target.addresses.map(endpointName).join(', ')
  const hooks = new Set<RecoveryHook>()
  const trackers = createTrackers()
  const unmapped = createWaiting(settings.waiting, clock, () => unserved().message)
  const ending = new AbortController()
  const endpoint = (address: Address): Endpoint => ({ ...address, ...target.access, database: 0 })
  let closing: Promise<void> | undefined

  const members = createMembership({
    settings,
    hooks,
    trackers,
    clusterName,
    endpoint,
    clock,
    onEvent(event) {
      onEvent(event)
      if (event.type === 'ready') subscriber.serverIsBack()
    },
    mapped() {
      unmapped.release()
      shards.mapChanged()
    },
    failed(cause) {
      if (isFatal(cause))
        unmapped.reject(() => new KeyplanError(cause.code, cause.message, { outcome: 'not-executed' }))
    },
  })
  const { nodes, ownerOf, ownerName, pointed, disturbed } = members

  function unserved(): KeyplanError {
    const message = members.error?.message ?? 'No node of the cluster serves this slot'
    return new KeyplanError('CLUSTER_DOWN', message, { outcome: 'not-executed' })
  }
  const router = createRouter({
    ownerOf,
    pointed,
    absent(call, args, go, fail) {
      if (closing) return fail(closed())
      if (call.hold === true) unmapped.add(call, args, go, fail)
      else fail(unserved())
      disturbed()
    },
    unserved,
    disturbed,
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
    if (listenersAsked(command, args) === 'slot') return slotOf(String(args[1]))
    const key = commandKey(command, args)
    return key === undefined ? undefined : slotOf(key)
  }
  const sendToOne: Send = (command, args, call, encoding) =>
    router.run(slotOfCall(command, args), call, args, (node, asking) => {
      if (!asking) return node.send(command, args, call, encoding)
      return node.over(call, args, open => {
        const link = open.forKey(commandKey(command, args))
        link.send('asking', []).catch(() => {})
        return link.send(command, args, encoding)
      })
    })

  const send: Send = (command, args, call, encoding) => {
    if (listenersAsked(command, args) !== 'all') return sendToOne(command, args, call, encoding)
    return Promise.all([...nodes.values()].map(node => node.send(command, args, call, encoding))).then(addedUp)
  }

  /** Messages on channels reach every node, so any will do to listen at. */
  function listeningAt(): Address {
    const node = ownerOf(undefined)
    return (node && members.addressOf(node)) ?? target.addresses[0]!
  }
  const subscriber = createSubscriber(
    () => openLink({ ...settings, scripts: [] }, endpoint(listeningAt()), 'subscriber', clock, ending.signal),
    {
      reachable: () => ownerOf(undefined)?.state === 'ready',
      gap: () => onEvent({ type: 'gap', node: clusterName, lane: '' }),
      backoff: settings.backoff,
      clock,
    },
  )
  const replicas = createReplicaReads({
    settings,
    nearest: target.readFrom === 'nearest',
    places: members.replicasOf,
    endpoint,
    clock,
  })

  /** One node after the other, in the order of their names. */
  async function scan(glob: string, cursor: string, call: Call) {
    const names = [...nodes.keys()].sort()
    const [at = '', within = '0'] = cursor === '0' ? [names[0]] : cursor.split(' ')
    const node = nodes.get(at)
    const page = node ? await scanPage(node.send, glob, within, call) : { cursor: '0', keys: [] }
    if (page.cursor !== '0') return { cursor: `${at} ${page.cursor}`, keys: page.keys }
    const next = names.find(name => name > at)
    return { cursor: next === undefined ? '0' : `${next} 0`, keys: page.keys }
  }

  const lane = (key: string) => ownerName(slotOf(key)) ?? ''
  const redis: Redis = {
    ...withScripts(send, lane),
    transact(commands, call, encoding) {
      const slots = commands.map(([name, ...args]) => slotOfCall(name, args)).filter(slot => slot !== undefined)
      if (new Set(slots).size > 1) return Promise.reject(crossSlot())
      return router.run(slots[0], call, commands.flat(), (node, asking) =>
        node.over(call, commands.flat(), link => transactOn(link, commands, encoding, asking)),
      )
    },
    block(command, args, options) {
      const [name, ...rest] = options.first ?? [command, ...args(1)]
      const slot = slotOfCall(name, rest)
      return router.block(slot, (node, asking) => node.block(command, args, options, asking))
    },
    subscribe: (channel, handlers, kind) =>
      kind === 'sharded' ? shards.subscribe(channel, handlers) : subscriber.subscribe(channel, handlers, kind),
    track: (prefixes, tracker) => ({
      mark: (key, now) => members.mark(slotOf(key), now),
      denial: key => ownerOf(slotOf(key))?.hearing.denial,
      close: trackers.add(prefixes, tracker),
    }),
    scan,
    serverTime: key => ownerOf(slotOf(key))?.serverTime() ?? clock.wall(),
    lane,
    slot: slotOf,
    beforeReady(hook) {
      hooks.add(hook)
      return () => hooks.delete(hook)
    },
  }

  async function close(): Promise<void> {
    ending.abort()
    unmapped.reject(closed)
    await Promise.all([subscriber.close(), replicas.close(), members.close()])
  }

  return {
    redis,
    readers: {
      send(command, args, call, encoding) {
        const slot = slotOfCall(command, args)
        const owner = slot === undefined || target.readFrom === 'master' ? undefined : ownerName(slot)
        const through = owner === undefined ? send : replicas.of(owner).before(send)
        return through(command, args, call, encoding)
      },
    },
    get state() {
      return members.state
    },
    get error() {
      return members.error
    },
    get version() {
      return ownerOf(undefined)?.version
    },
    name: clusterName,
    get nodes() {
      return [...nodes.values()]
    },
    async ping(to, call) {
      await nodes.get(to)?.send('ping', [], call)
    },
    start: members.start,
    close() {
      closing ??= close()
      return closing
    },
  }
}
