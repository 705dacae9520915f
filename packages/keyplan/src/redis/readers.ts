import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import { isUnavailable } from '../base/error.ts'
import type { Send } from './commands.ts'
import { fixedAt } from './locator.ts'
import { type Node, openNode } from './node.ts'
import { type Address, type Endpoint, endpointName, type NodeSettings } from './settings.ts'
import { createTrackers } from './trackers.ts'
import { refusalOf } from './waiting.ts'

/** Links to the replicas of one master, opened with the first read that may use them. */
export interface Readers {
  /** Asks a replica, and the master where none is there or the one asked cannot answer. */
  before(master: Send): Send
  close(): Promise<void>
}

export interface ReadersOptions {
  readonly settings: NodeSettings
  /** Whether to ask who answers a ping first, the master among them, or each replica in turn. */
  readonly nearest: boolean
  /** Where the replicas are now. */
  places(signal: AbortSignal): Promise<readonly Address[]>
  endpoint(place: Address): Endpoint
  clock: Clock
}

/** How old, in milliseconds, what is known of the replicas may be. */
const freshFor = 5_000

export function createReaders({ settings, nearest, places, endpoint, clock }: ReadersOptions): Readers {
  const nodes = new Map<string, Node>()
  const latency = new Map<string, number>()
  const ending = new AbortController()
  let lookedAt = Number.NEGATIVE_INFINITY
  let turn = 0

  async function look(master: Send): Promise<void> {
    const found = new Map((await places(ending.signal)).map(place => [endpointName(place), place]))
    if (ending.signal.aborted) return
    for (const [name, node] of nodes) {
      if (found.has(name)) continue
      nodes.delete(name)
      latency.delete(name)
      void node.close()
    }
    for (const [name, place] of found) {
      if (nodes.has(name)) continue
      const locator = fixedAt(endpoint(place), name)
      const node = openNode({
        settings,
        role: 'reader',
        lane: name,
        locator,
        hooks: new Set(),
        // A replica lags behind what it tells of: nothing that was read from it is vouched for.
        trackers: createTrackers(),
        slot: () => 0,
        concerns: () => true,
        clock,
        onEvent: () => {},
      })
      nodes.set(name, node)
      node.start()
    }
    if (!nearest) return
    await Promise.all([measure('', master), ...[...nodes].map(([name, { send }]) => measure(name, send))])
  }

  async function measure(name: string, send: Send): Promise<void> {
    const sentAt = clock.now()
    try {
      await send('ping', [], { expires: sentAt + settings.stall, hold: false, written: 0 })
      latency.set(name, clock.now() - sentAt)
    } catch {
      latency.delete(name)
    }
  }

  function choose(): Node | undefined {
    const ready = [...nodes.values()].filter(({ state }) => state === 'ready')
    if (!nearest) return ready[turn++ % ready.length]
    const pingOf = (name: string) => latency.get(name) ?? Number.POSITIVE_INFINITY
    return ready.reduce<Node | undefined>(
      (best, node) => (pingOf(node.name) < pingOf(best?.name ?? '') ? node : best),
      undefined,
    )
  }

  const mayAskMaster = (error: unknown, call: Call) => isUnavailable(error) && !refusalOf(call, clock.now())

  return {
    before: master => (command, args, call, encoding) => {
      if (clock.now() - lookedAt > freshFor) {
        lookedAt = clock.now()
        look(master).catch(() => {})
      }
      const replica = choose()
      if (!replica) return master(command, args, call, encoding)
      const attempt = { ...call, hold: false }
      return replica.send(command, args, attempt, encoding).catch(error => {
        if (!mayAskMaster(error, call)) throw error
        return master(command, args, call, encoding)
      })
    },
    async close() {
      ending.abort()
      await Promise.all([...nodes.values()].map(node => node.close()))
    },
  }
}
