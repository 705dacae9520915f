import type { Clock } from '../base/clock.ts'
import type { KeyplanError } from '../base/error.ts'
import { type Block, createBlocking } from './blocking.ts'
import type { Link } from './link.ts'
import type { Redis } from './redis.ts'
import type { LinkRole, LinkSettings, NodeSettings } from './settings.ts'
import { createSubscriber } from './subscriber.ts'
import type { Trackers } from './trackers.ts'
import { createTrackingLink, type Hearing } from './tracking-link.ts'

/**
 * The links to a server beside the one for commands: to listen on, to be told of changed keys, and to wait for data. Opened
 * when they are needed.
 */
export interface SideLinks {
  readonly block: Block
  readonly subscribe: Redis['subscribe']
  readonly hearing: Hearing
  /** There is a link for commands: no need to sit out a backoff. */
  serverIsBack(): void
  /** The link for commands is gone: what vouches for what was read on it ends. */
  serverIsLost(reason: KeyplanError): void
  /** Ends them: what they are open to is no longer the server that is meant. */
  retire(reason: KeyplanError): void
  close(why: () => KeyplanError): Promise<void>
}

interface SideLinksOptions {
  readonly settings: NodeSettings
  /** The most of them, where that is bounded. */
  readonly most: number | undefined
  open(role: LinkRole, patience?: Partial<Pick<LinkSettings, 'stall' | 'pingEvery'>>): Promise<Link>
  /** The link for commands, while it is up. */
  beside(): Link | undefined
  /** Why nothing may be asked now, if so. */
  refusal(): KeyplanError | undefined
  serverName(): string
  /** It listens again after a lost link. */
  gap(): void
  readonly trackers: Trackers
  /** What `Redis.lane` calls the server. */
  readonly lane: string
  readonly clock: Clock
}

export function createSideLinks(options: SideLinksOptions): SideLinks {
  const { settings, most, open, beside, refusal, serverName, gap, trackers, lane, clock } = options
  const { stall, pingEvery, backoff, slice = 2_500 } = settings
  const reachable = () => beside() !== undefined
  const listener = () => createSubscriber(() => open('subscriber'), { reachable, gap, backoff, clock })
  // A slot that moves takes the link of the sharded ones with it, and only that.
  const subscribers = { common: listener(), sharded: listener() }
  const all = Object.values(subscribers)
  // Copies are believed for as long as nobody knows that this link is dead.
  const heartbeat = Math.min(pingEvery, stall)
  const tracking = createTrackingLink({
    open: () => open('tracking', { pingEvery: heartbeat }),
    patience: heartbeat + 1.5 * stall,
    beside,
    trackers,
    lane,
    serverName,
    backoff,
    clock,
  })
  const blocking = createBlocking({
    serverName,
    open: () => open('blocking', { stall: slice + stall }),
    refusal,
    slice,
    // One is left to listen with, and one to be told of changed keys.
    most: most === undefined ? most : () => Math.max(1, Math.min(8, most - (trackers.prefixes.length > 0 ? 2 : 1))),
    clock,
  })

  return {
    block: blocking.block,
    subscribe: (channel, handlers, kind) =>
      subscribers[kind === 'sharded' ? kind : 'common'].subscribe(channel, handlers, kind),
    hearing: tracking,
    serverIsBack() {
      for (const subscriber of all) subscriber.serverIsBack()
      tracking.serverIsBack()
    },
    serverIsLost: tracking.retire,
    retire(reason) {
      tracking.retire(reason)
      for (const subscriber of all) subscriber.retire(reason)
      blocking.retire(reason)
    },
    async close(why) {
      await Promise.all([...all.map(subscriber => subscriber.close()), tracking.close(), blocking.close(why)])
    },
  }
}
