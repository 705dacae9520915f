import type { OperationStats, Tally } from '../guard/tally.ts'
import type { Node } from '../redis/node.ts'
import type { ClientVerbs, NamespaceStats, NodeStatus, Status } from './client.ts'
import { commandVerbs } from './commands.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import type { Events } from './events.ts'

interface VerbParts {
  readonly connections: Connections | undefined
  readonly events: Events
  readonly tally: Tally
  readonly disabled: Status['disabled']
  /** Namespaces of which something was counted, though nothing may have been asked of Redis: they only listen. */
  listening(): readonly string[]
  /** What the kind of a namespace has counted, under the name of the kind. */
  figuresOf(namespace: string): Omit<NamespaceStats, keyof OperationStats>
}

/** The client's own verbs. */
export function verbs(
  { connections, events, tally, disabled, listening, figuresOf }: VerbParts,
  closeAll: () => Promise<void>,
): ClientVerbs {
  const all = connections?.all ?? []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll()
    return closing
  }

  return {
    get $status() {
      return {
        state: closing ? 'closed' : worst(all.map(stateOf)),
        server: all.map(({ link }) => link.name).join(' and ') || undefined,
        version: all[0]?.link.version,
        nodes: [...all, ...(connections?.quorum ?? [])].flatMap(({ link }) => link.nodes.map(nodeStatus)),
        disabled,
        breaker: all.find(({ breakers }) => breakers.state !== 'closed')?.breakers.state ?? 'closed',
        error: all.find(({ link }) => link.error)?.link.error,
      }
    },
    $stats: () => ({
      ...tally.all.stats,
      namespaces: Object.fromEntries(
        [...new Set([...tally.namespaces.keys(), ...listening()])].map(name => [
          name,
          { ...tally.of(name).stats, ...figuresOf(name) },
        ]),
      ),
    }),
    $on: events.on,
    ...commandVerbs(connections),
    $close: close,
    [Symbol.asyncDispose]: close,
  }
}

/** From well to ill. Where there is no server, everything is in memory. */
const states: readonly Status['state'][] = ['memory', 'connected', 'degraded', 'connecting', 'reconnecting']

const worst = (found: readonly Status['state'][]) => states[Math.max(0, ...found.map(state => states.indexOf(state)))]!

function stateOf({ link, breakers }: Connection): Status['state'] {
  if (link.state === 'ready') return breakers.state === 'closed' ? 'connected' : 'degraded'
  if (link.nodes.some(node => node.state === 'ready')) return 'degraded'
  return link.state === 'connecting' ? 'connecting' : 'reconnecting'
}

const nodeStates = { ready: 'connected', connecting: 'connecting', down: 'reconnecting', closed: 'closed' } as const

const nodeStatus = ({ name, state, version, error }: Node): NodeStatus => ({
  server: name,
  state: nodeStates[state],
  version,
  error,
})
