import type { Clock } from '../base/clock.ts'
import type { KeyplanError } from '../base/error.ts'
import { type Block, createBlocking } from './blocking.ts'
import type { Link } from './link.ts'
import type { Redis } from './redis.ts'
import type { LinkRole, NodeSettings } from './settings.ts'
import { createSubscriber } from './subscriber.ts'

/** The links to a server beside the one for commands: to listen on, and to wait for data. Opened when they are needed. */
export interface SideLinks {
  readonly block: Block
  readonly subscribe: Redis['subscribe']
  /** There is a link for commands: no need to sit out a backoff. */
  serverIsBack(): void
  /** Ends them: what they are open to is no longer the server that is meant. */
  retire(reason: KeyplanError): void
  close(why: () => KeyplanError): Promise<void>
}

interface SideLinksOptions {
  readonly settings: NodeSettings
  /** The most of them, where that is bounded. */
  readonly most: number | undefined
  /** @param silence how long the server may say nothing while it is asked something, in milliseconds */
  open(role: LinkRole, silence: number): Promise<Link>
  /** Whether the link for commands is up. */
  reachable(): boolean
  /** Why nothing may be asked now, if so. */
  refusal(): KeyplanError | undefined
  serverName(): string
  /** It listens again after a lost link. */
  gap(): void
  readonly clock: Clock
}

export function createSideLinks(options: SideLinksOptions): SideLinks {
  const { settings, most, open, reachable, refusal, serverName, gap, clock } = options
  const { stall, backoff, slice = 2_500 } = settings
  const listener = () => createSubscriber(() => open('subscriber', stall), { reachable, gap, backoff, clock })
  // ioredis takes the end of the last sharded subscription of a link for the end of all.
  const subscribers = { common: listener(), sharded: listener() }
  const all = Object.values(subscribers)
  const blocking = createBlocking({
    serverName,
    open: () => open('blocking', slice + stall),
    refusal,
    slice,
    // One is left to listen with.
    most: most && Math.max(1, Math.min(8, most - 1)),
    clock,
  })

  return {
    block: blocking.block,
    subscribe: (channel, handlers, kind) =>
      subscribers[kind === 'sharded' ? kind : 'common'].subscribe(channel, handlers, kind),
    serverIsBack() {
      for (const subscriber of all) subscriber.serverIsBack()
    },
    retire(reason) {
      for (const subscriber of all) subscriber.retire(reason)
      blocking.retire(reason)
    },
    async close(why) {
      await Promise.all([...all.map(subscriber => subscriber.close()), blocking.close(why)])
    },
  }
}
