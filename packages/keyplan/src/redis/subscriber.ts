import type { Clock } from '../base/clock.ts'
import { KeyplanError } from '../base/error.ts'
import type { Link } from './link.ts'
import type { SubscribeHandlers, Subscription } from './redis.ts'
import { createScout } from './scout.ts'

/** The process's one link for listening to a server. It is opened with the first subscription. */
export interface Subscriber {
  subscribe(channel: string, handlers: SubscribeHandlers): Promise<Subscription>
  /** The command link is back: no need to sit out a backoff. */
  serverIsBack(): void
  close(): void
}

interface SubscriberOptions {
  /** Whether the command link is up; while it is not, its scout does the asking for both. */
  reachable(): boolean
  backoff: { readonly min: number; readonly max: number }
  clock: Clock
}

export function createSubscriber(open: () => Promise<Link>, options: SubscriberOptions): Subscriber {
  const channels = new Map<string, Set<SubscribeHandlers>>()
  /** The server's answer to SUBSCRIBE on the present link, by channel. */
  let confirmed = new Map<string, Promise<unknown>>()
  let link: Link | undefined
  let opening: { promise: Promise<Link>; resolve: (link: Link) => void; reject: (error: Error) => void } | undefined
  let lost = false
  let closed = false

  const scout = createScout<Link>({
    attempt: open,
    found: adopt,
    failed() {
      if (!options.reachable()) scout.stop()
    },
    backoff: options.backoff,
    clock: options.clock,
  })

  function adopt(fresh: Link): void {
    if (closed) {
      fresh.destroy(new KeyplanError('CLOSED', 'The client is closed'))
      return
    }
    link = fresh
    confirmed = new Map()
    fresh.onMessage((channel, payload) => {
      for (const handlers of channels.get(channel) ?? []) handlers.message(payload, channel)
    })
    void fresh.ended.then(() => {
      if (link !== fresh) return
      link = undefined
      lost = true
      if (!closed && channels.size > 0 && options.reachable()) scout.start()
    })
    const resubscribed = [...channels.keys()].map(channel => confirm(fresh, channel))
    if (lost) void Promise.all(resubscribed).then(announceGap, () => {})
    lost = false
    opening?.resolve(fresh)
    opening = undefined
  }

  function announceGap(): void {
    for (const listeners of channels.values()) for (const handlers of listeners) handlers.gap?.()
  }

  function confirm(on: Link, channel: string): Promise<unknown> {
    let answer = confirmed.get(channel)
    if (!answer) {
      answer = on.send('subscribe', [channel])
      answer.catch(() => confirmed.delete(channel))
      confirmed.set(channel, answer)
    }
    return answer
  }

  function ready(): Promise<Link> {
    if (link) return Promise.resolve(link)
    opening ??= withResolvers<Link>()
    scout.start()
    return opening.promise
  }

  function leave(channel: string, handlers: SubscribeHandlers): void {
    const listeners = channels.get(channel)
    if (!listeners?.delete(handlers) || listeners.size > 0) return
    channels.delete(channel)
    confirmed.delete(channel)
    link?.send('unsubscribe', [channel]).catch(() => {})
  }

  return {
    async subscribe(channel, handlers) {
      if (closed) throw new KeyplanError('CLOSED', 'The client is closed')
      const listeners = channels.get(channel) ?? new Set()
      channels.set(channel, listeners.add(handlers))
      try {
        await confirm(await ready(), channel)
      } catch (error) {
        leave(channel, handlers)
        throw error
      }
      return { close: () => leave(channel, handlers) }
    },
    serverIsBack() {
      if (!link && (opening || channels.size > 0)) scout.start()
    },
    close() {
      closed = true
      scout.stop()
      opening?.reject(new KeyplanError('CLOSED', 'The client is closed'))
      link?.destroy(new KeyplanError('CLOSED', 'The client is closed'))
    },
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
