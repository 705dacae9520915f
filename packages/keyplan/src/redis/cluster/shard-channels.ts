import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import { type Redirection, redirectionOf } from '../failure.ts'
import type { Node } from '../node.ts'
import type { SubscribeHandlers, Subscription } from '../redis.ts'
import { slotOf } from './slot.ts'

/** Subscriptions to sharded channels: each is kept at the node that has the channel's slot, wherever that goes. */
export interface ShardChannels {
  subscribe(channel: string, handlers: SubscribeHandlers): Promise<Subscription>
  /** Slots may have gone to other nodes. */
  mapChanged(): void
}

interface ShardChannelsOptions {
  ownerOf(slot: number): Node | undefined
  /** Notes where a node says that the slot is. */
  pointed(redirection: Redirection, answered: Node): void
  isClosed(): boolean
  clock: Clock
}

/** How soon a slot that nobody has, or that is on its way, is asked for again, in milliseconds. */
const pauseMs = 100

export function createShardChannels({ ownerOf, pointed, isClosed, clock }: ShardChannelsOptions): ShardChannels {
  /** What each subscription does when the map has changed. */
  const followers = new Set<() => void>()

  async function join(channel: string, handlers: SubscribeHandlers): Promise<{ at: Node; subscription: Subscription }> {
    for (;;) {
      if (isClosed()) throw new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })
      const at = ownerOf(slotOf(channel))
      try {
        if (at) return { at, subscription: await at.subscribe(channel, handlers, 'sharded') }
      } catch (error) {
        const redirection = redirectionOf(error)
        // A node that was replaced has closed; who has its slots now is found out meanwhile.
        if (!redirection && !(error instanceof KeyplanError && error.code === 'CLOSED')) throw error
        if (redirection && at) pointed(redirection, at)
      }
      await new Promise<void>(resolve => clock.after(pauseMs, resolve, true))
    }
  }

  return {
    async subscribe(channel, handlers) {
      let left = false
      let moving = false
      const follow: SubscribeHandlers = {
        message: handlers.message,
        gap: handlers.gap,
        refused: error => (redirectionOf(error) ? move() : handlers.refused?.(error)),
      }
      let joined = await join(channel, follow)

      function move(): void {
        if (moving || left) return
        moving = true
        joined.subscription.close()
        join(channel, follow).then(
          next => {
            joined = next
            moving = false
            if (left) next.subscription.close()
            else handlers.gap?.()
            check()
          },
          error => {
            moving = false
            if (!left && !isClosed()) handlers.refused?.(error)
          },
        )
      }
      function check(): void {
        if (!left && ownerOf(slotOf(channel)) !== joined.at) move()
      }

      followers.add(check)
      return {
        close() {
          left = true
          followers.delete(check)
          joined.subscription.close()
        },
      }
    },
    mapChanged() {
      for (const check of followers) check()
    },
  }
}
