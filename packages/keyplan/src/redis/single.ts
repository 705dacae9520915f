import { withScripts } from './commands.ts'
import { fixedAt } from './locator.ts'
import { openNode } from './node.ts'
import { createReaders } from './readers.ts'
import type { RecoveryHook } from './redis.ts'
import { scanPage } from './scan.ts'
import { createSentinels } from './sentinels.ts'
import type { OpenServer } from './server.ts'
import { endpointName } from './settings.ts'
import { createTrackers } from './trackers.ts'
import { transactOn } from './transaction.ts'

/** One server that has all keys: at a fixed address, or wherever the Sentinels say. */
export const openSingle: OpenServer = (settings, clock, onEvent) => {
  const { target } = settings
  const [address] = target.addresses
  const sentinels = target.topology === 'sentinel' ? createSentinels(settings, target, clock) : undefined
  const hooks = new Set<RecoveryHook>()
  const trackers = createTrackers()
  const locator =
    sentinels ?? fixedAt({ ...address!, ...target.access, database: target.database }, endpointName(address!))
  const node = openNode({
    settings,
    pool: target.pool,
    maxConnections: target.maxConnections,
    lane: '',
    alone: true,
    locator,
    hooks,
    trackers,
    slot: () => 0,
    concerns: () => true,
    clock,
    onEvent,
  })
  const { send } = node
  const readers = createReaders({
    settings,
    nearest: target.readFrom === 'nearest',
    places: async signal => (sentinels ? sentinels.replicas(signal) : target.replicas),
    endpoint: place => ({ ...place, ...target.access, database: target.database }),
    clock,
  })

  return {
    redis: {
      ...withScripts(send),
      transact: (commands, call, encoding) =>
        node.over(call, commands.flat(), link => transactOn(link, commands, encoding)),
      block: node.block,
      subscribe: node.subscribe,
      track: (prefixes, tracker) => ({
        mark: (_key, now) => node.hearing.since(now),
        denial: () => node.hearing.denial,
        close: trackers.add(prefixes, tracker),
      }),
      scan: (glob, cursor, call) => scanPage(send, glob, cursor, call),
      serverTime: node.serverTime,
      lane: () => '',
      slot: () => 0,
      beforeReady(hook) {
        hooks.add(hook)
        return () => hooks.delete(hook)
      },
    },
    readers: { send: target.readFrom === 'master' ? send : readers.before(send) },
    get state() {
      return node.state
    },
    get error() {
      return node.error
    },
    get version() {
      return node.version
    },
    get name() {
      return node.name
    },
    nodes: [node],
    ping: (_node, call) => send('ping', [], call),
    start: node.start,
    async close() {
      await Promise.all([node.close(), readers.close()])
    },
  }
}
