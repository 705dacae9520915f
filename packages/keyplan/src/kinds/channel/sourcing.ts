import type { Clock } from '../../base/clock.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { unsealed } from '../../mechanisms/log/announcement.ts'
import { beginning } from '../../mechanisms/log/entry.ts'
import { createFollower, type Follower } from '../../mechanisms/log/follower.ts'
import { sharedReads } from '../../mechanisms/log/shared-reads.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { Delivery } from './contract.ts'
import { announcementOf } from './names.ts'
import type { ChannelSettings } from './settings.ts'
import type { ChannelStore, Listening } from './store.ts'
import type { Subscriber } from './subscription.ts'

type Params = Delivery['params']

/** Brings messages to a subscriber, until that ends. Resolves when everything published from now on will come. */
export interface Sourcing {
  one(channel: string, subscriber: Subscriber, after: string | undefined, hold: HoldRoom): Promise<void>
  all(subscriber: Subscriber, hold: HoldRoom): Promise<void>
}

/** What to do when the subscriber has room again. */
export type HoldRoom = (room: () => void) => void

interface SourcingParts {
  readonly name: string
  readonly pattern: Pattern
  readonly settings: ChannelSettings
  readonly listening: Listening
  readonly steps: Guarded<ChannelStore>
  readonly clock: Clock
}

/** The params of a channel of this namespace; undefined for any other. */
const paramsIn = (pattern: Pattern, channel: string) => {
  const params = pattern.match(channel)
  return params && (Object.freeze(params) as Params)
}

const atMostOnce = (payload: string, params: Params) => ({ payload, params, id: undefined, gap: undefined })

/** Messages as they come, at most once. */
export function createPassing({ pattern, listening }: Pick<SourcingParts, 'pattern' | 'listening'>): Sourcing {
  return {
    async one(channel, subscriber) {
      const params = paramsIn(pattern, channel)!
      const { close } = await listening.one(channel, {
        message: payload => subscriber.take(atMostOnce(payload, params)),
        gap: subscriber.gap,
        refused: subscriber.end,
      })
      subscriber.finally(close)
    },
    async all(subscriber) {
      const { close } = await listening.all(pattern.glob(), {
        message(payload, channel) {
          const params = paramsIn(pattern, channel)
          if (params) subscriber.take(atMostOnce(payload, params))
        },
        gap: subscriber.gap,
        refused: subscriber.end,
      })
      subscriber.finally(close)
    },
  }
}

/** Of how many channels a subscription to all knows the last message. One that is forgotten begins with its next. */
const mostFollowed = 10_000

/** Messages as they come, and from the log beside the channel what did not come. */
export function createReplaying({ name, pattern, settings, listening, steps, clock }: SourcingParts): Sourcing {
  const replay = sharedReads((count: number, after: string, log: string) => steps.replay(undefined, log, after, count))
  const newest = sharedReads((log: string) => steps.newest(undefined, log))
  const logOf = (channel: string) => announcementOf(channel, pattern, settings).log!.key

  function follow(
    channel: string,
    params: Params,
    subscriber: Subscriber,
    begins: { readonly from: string | undefined; readonly live?: boolean; readonly resumed?: boolean },
  ) {
    const log = logOf(channel)
    return createFollower({
      namespace: name,
      ...begins,
      most: settings.buffer.count,
      range: (after, count) => replay(count, after, log),
      newest: () => newest(log),
      accept: (entry, gap) =>
        subscriber.offer({ payload: entry && String(entry.value ?? ''), params, id: entry?.id, gap }),
      caughtUp: () => {},
      clock,
    })
  }

  return {
    async one(channel, subscriber, after, hold) {
      const params = paramsIn(pattern, channel)!
      let follower: Follower | undefined
      const { close } = await listening.one(channel, {
        message(payload) {
          const entry = unsealed(payload)
          if (entry) follower?.heard(entry)
          else subscriber.take(atMostOnce(payload, params))
        },
        gap: () => follower?.missed(),
        refused: subscriber.end,
      })
      subscriber.finally(close)
      const isId = after !== undefined && after !== 'start'
      const from = after ?? (await newest(logOf(channel))) ?? beginning
      // It begins by reading, and so finds what came since it listens.
      follower = follow(channel, params, subscriber, {
        from: from === 'start' ? undefined : from,
        resumed: isId,
      })
      hold(follower.room)
      subscriber.finally(follower.close)
    },
    async all(subscriber, hold) {
      const followers = new Map<string, Follower>()
      function followerOf(channel: string, params: Params, prev: string): Follower {
        const known = followers.get(channel)
        if (known) return known
        if (followers.size >= mostFollowed) {
          const [oldest] = followers.keys()
          followers.get(oldest!)?.close()
          followers.delete(oldest!)
        }
        const follower = follow(channel, params, subscriber, { from: prev, live: true })
        followers.set(channel, follower)
        return follower
      }
      const each = (what: 'missed' | 'room') => {
        for (const follower of followers.values()) follower[what]()
      }
      hold(() => each('room'))
      const { close } = await listening.all(pattern.glob(), {
        message(payload, channel) {
          const params = paramsIn(pattern, channel)
          if (!params) return
          const entry = unsealed(payload)
          if (entry) followerOf(channel, params, entry.prev ?? beginning).heard(entry)
          else subscriber.take(atMostOnce(payload, params))
        },
        gap() {
          each('missed')
          // Of channels whose first message was missed nothing is known.
          subscriber.gap()
        },
        refused: subscriber.end,
      })
      subscriber.finally(() => {
        close()
        for (const follower of followers.values()) follower.close()
      })
    },
  }
}
