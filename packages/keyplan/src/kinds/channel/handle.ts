import { KeyplanError } from '../../base/error.ts'
import { createHandover } from '../../base/handover.ts'
import type { Tell } from '../../base/tell.ts'
import { errorOf, inFull } from '../../base/thrown.ts'
import type { Guarded } from '../../guard/guarded.ts'
import type { ParamValues } from '../../plan/pattern/pattern.ts'
import type { Opened, Server, Surroundings } from '../kind.ts'
import { checkHandler, checkSubscription } from './checks.ts'
import type { Consumer, Happening } from './consumer.ts'
import type {
  Channel,
  ChannelHandler,
  ChannelNamespace,
  ChannelSubscription,
  Delivery,
  SubscribeOptions,
} from './contract.ts'
import type { Counting } from './figures.ts'
import { announcementOf } from './names.ts'
import { createPublish } from './publishing.ts'
import type { ChannelSettings } from './settings.ts'
import type { HoldRoom, Sourcing } from './sourcing.ts'
import type { ChannelStore } from './store.ts'
import { createSubscriber, type Subscriber } from './subscription.ts'

export interface ChannelParts extends Pick<Surroundings, 'name' | 'pattern'> {
  readonly settings: ChannelSettings
  readonly lane: Server['lane']
  readonly steps: Guarded<ChannelStore>
  /** Undefined where nothing is ever heard. */
  readonly sourcing: Sourcing | undefined
  readonly counting: Counting
  readonly tell: Tell<Happening>
}

type Handler = ChannelHandler<string, unknown>
type Begin = (subscriber: Subscriber, hold: HoldRoom) => Promise<void>

export function openChannels(parts: ChannelParts): Opened<ChannelNamespace> {
  const { name, pattern, settings, sourcing, counting, tell } = parts
  const publish = createPublish(parts)
  const subscribers = new Set<Subscriber>()
  let closed = false

  async function listen(begin: Begin, consumer: Consumer, options: SubscribeOptions): Promise<ChannelSubscription> {
    const { signal } = options
    if (closed) throw closure(name)
    if (signal?.aborted) throw aborted(name)
    let room = () => {}
    const subscriber = createSubscriber(parts, consumer, signal, () => room())
    subscribers.add(subscriber)
    const given = new Promise<never>((_, reject) =>
      subscriber.finally(() => {
        subscribers.delete(subscriber)
        reject(closed ? closure(name) : aborted(name))
      }),
    )
    given.catch(() => {})
    try {
      const begun = begin(subscriber, then => {
        room = then
      })
      await Promise.race([begun, given])
    } catch (error) {
      subscriber.end()
      throw error
    }
    return subscriber.subscription
  }

  function handled(handler: Handler, { gap }: SubscribeOptions): Consumer {
    const failed = (thrown: unknown) => {
      counting.handlerErrors++
      tell({ type: 'handler-failed', error: errorOf(thrown) }, `a handler failed: ${inFull(thrown)}`)
    }
    return {
      deliver(delivery) {
        try {
          const result = handler(delivery)
          if (isThenable(result)) return Promise.resolve(result).then(() => {}, failed)
        } catch (error) {
          failed(error)
        }
        return undefined
      },
      gap: detail => gap?.(detail),
      ended: () => {},
    }
  }

  function iterated(begin: Begin, options: SubscribeOptions): AsyncIterableIterator<Delivery> {
    let subscription: Promise<ChannelSubscription> | undefined
    const handover = createHandover<Delivery>(() => {
      subscription?.then(
        ({ close }) => close(),
        () => {},
      )
    })
    const consumer: Consumer = {
      deliver: handover.give,
      gap: detail => options.gap?.(detail),
      ended: handover.end,
    }
    const start = () => {
      subscription = listen(begin, consumer, options)
      return subscription
    }
    const iterator: AsyncIterableIterator<Delivery> = {
      async next() {
        await (subscription ?? start())
        return handover.next()
      },
      return: () => handover.return!(),
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  const beginAll: Begin = async (subscriber, hold) => {
    if (settings.sharded) {
      throw new KeyplanError('UNSUPPORTED', `${name} is sharded: there is no way to listen to all of its channels`, {
        namespace: name,
        operation: 'subscribe',
        outcome: 'not-executed',
      })
    }
    await sourcing?.all(subscriber, hold)
  }

  function open(channel: string): Channel {
    const target = announcementOf(channel, pattern, settings)
    const key = settings.sharded || settings.reliable ? channel : undefined
    const begin =
      (after: string | undefined): Begin =>
      async (subscriber, hold) =>
        sourcing?.one(channel, subscriber, after, hold)
    return {
      publish: (message, options) => publish(target, key, message, options),
      async subscribe(handler, options = {}) {
        checkSubscription(options, settings, true)
        checkHandler(handler, pattern)
        return listen(begin(options.after), handled(handler as Handler, options), options)
      },
      messages(options = {}) {
        checkSubscription(options, settings, true)
        return iterated(begin(options.after), options)
      },
    }
  }

  const ofAll = {
    async subscribeAll(handler: Handler, options: SubscribeOptions = {}) {
      checkSubscription(options, settings, false)
      checkHandler(handler, pattern)
      return listen(beginAll, handled(handler, options), options)
    },
    allMessages(options: SubscribeOptions = {}) {
      checkSubscription(options, settings, false)
      return iterated(beginAll, options)
    },
  }
  return {
    client: Object.assign((params: ParamValues) => open(pattern.format(params)), ofAll) as ChannelNamespace,
    figures: () => ({ ...counting }),
    async close() {
      closed = true
      for (const subscriber of subscribers) subscriber.end()
    },
  }
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'

const detail = (namespace: string) => ({ namespace, operation: 'subscribe', outcome: 'not-executed' }) as const
const closure = (name: string) => new KeyplanError('CLOSED', 'The client is closed', detail(name))
const aborted = (name: string) => new KeyplanError('ABORTED', 'The call was aborted by its signal', detail(name))
