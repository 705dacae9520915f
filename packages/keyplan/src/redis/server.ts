import type { Call } from '../base/call.ts'
import type { Clock } from '../base/clock.ts'
import type { KeyplanError } from '../base/error.ts'
import { openCluster } from './cluster/cluster.ts'
import type { Node } from './node.ts'
import type { NodeEvent } from './node-event.ts'
import type { Redis } from './redis.ts'
import type { ServerSettings } from './settings.ts'
import { openSingle } from './single.ts'

/** One logical server: a process, the master that Sentinels watch over, or a cluster. */
export interface ServerConnection {
  readonly redis: Redis
  /** For namespaces that accept what a replica has: the master answers where no replica can. */
  readonly readers: Pick<Redis, 'send'>
  /** `ready` when every node that is needed is. */
  readonly state: Node['state']
  /** Why it is not ready, as far as known. */
  readonly error: KeyplanError | undefined
  readonly version: string | undefined
  readonly name: string
  readonly nodes: readonly Node[]
  /** Asks one node whether it is there. */
  ping(node: string, call: Call): Promise<unknown>
  /** Starts connecting; reconnects by itself until closed. */
  start(): void
  close(): Promise<void>
}

export type OnNodeEvent = (event: NodeEvent) => void

export type OpenServer = (settings: ServerSettings, clock: Clock, onEvent: OnNodeEvent) => ServerConnection

const open: Readonly<Record<ServerSettings['target']['topology'], OpenServer>> = {
  standalone: openSingle,
  sentinel: openSingle,
  cluster: openCluster,
}

export const openServer: OpenServer = (settings, clock, onEvent) =>
  open[settings.target.topology](settings, clock, onEvent)
