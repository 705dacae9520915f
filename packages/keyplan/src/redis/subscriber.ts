import type { Clock } from '../base/clock.ts'
import { errorTable, isKeyplanError, KeyplanError } from '../base/error.ts'
import { surfacing } from '../base/surfacing.ts'
import type { Link } from './link.ts'
import type { ChannelKind, SubscribeHandlers, Subscription } from './redis.ts'
import { createScout } from './scout.ts'

/** The process's one link for listening to a server. It is opened with the first subscription. */
export interface Subscriber {
  /** Resolves when the server has confirmed it; waits as long as the server cannot be reached. */
  subscribe(channel: string, handlers: SubscribeHandlers, kind?: ChannelKind): Promise<Subscription>
  /** The command link is back: no need to sit out a backoff. */
  serverIsBack(): void
  /** Ends the link: what it listens to is no longer the server that is meant. */
  retire(reason: KeyplanError): void
  close(): Promise<void>
}

interface SubscriberOptions {
  /** It listens again after a lost link: messages may have been missed. */
  gap(): void
  /** Whether the command link is up; while it is not, its scout does the asking for both. */
  reachable(): boolean
  backoff: { readonly min: number; readonly max: number }
  clock: Clock
}

/** How each kind of channel is joined and left. */
const commands: Readonly<Record<ChannelKind, { readonly join: string; readonly leave: string }>> = {
  exact: { join: 'subscribe', leave: 'unsubscribe' },
  pattern: { join: 'psubscribe', leave: 'punsubscribe' },
  sharded: { join: 'ssubscribe', leave: 'sunsubscribe' },
}

interface Channel {
  readonly kind: ChannelKind
  readonly name: string
  readonly listeners: Set<SubscribeHandlers>
  /** The server's answer to SUBSCRIBE, and the link it was asked on. */
  asked: { readonly on: Link; readonly answer: Promise<void> } | undefined
  heard: boolean
  /** It was heard on a link that was lost, and those who listen have not been told. */
  gap: boolean
}

export function createSubscriber(open: () => Promise<Link>, options: SubscriberOptions): Subscriber {
  const channels = new Map<string, Channel>()
  let link: Link | undefined
  let opening: { promise: Promise<Link>; resolve: (link: Link) => void; reject: (error: Error) => void } | undefined
  let closed = false
  const closure = () => new KeyplanError('CLOSED', 'The client is closed', { outcome: 'not-executed' })

  const scout = createScout<Link>({
    attempt: open,
    found: adopt,
    discard: found => found.destroy(closure()),
    failed() {
      if (!options.reachable()) scout.stop()
    },
    backoff: options.backoff,
    clock: options.clock,
  })

  function adopt(fresh: Link): void {
    link = fresh
    fresh.onMessage((kind, name, payload, at) => {
      const channel = channels.get(idOf(kind, name))
      if (!channel) return
      // It may come with the answer to SUBSCRIBE, before that is looked at.
      tellGap(channel)
      for (const { message } of channel.listeners) surfacing(() => message(payload, at))
    })
    void fresh.ended.then(() => lose(fresh))
    for (const channel of channels.values()) void ask(fresh, channel)
    if ([...channels.values()].some(({ gap }) => gap)) options.gap()
    opening?.resolve(fresh)
    opening = undefined
  }

  function lose(gone: Link): void {
    if (link !== gone) return
    link = undefined
    for (const channel of channels.values()) {
      channel.gap ||= channel.heard
      channel.heard = false
    }
    if (!closed && channels.size > 0 && options.reachable()) scout.start()
  }

  function tellGap(channel: Channel): void {
    if (!channel.gap) return
    channel.gap = false
    for (const { gap } of channel.listeners) if (gap) surfacing(gap)
  }

  /** Asks once on each link. */
  function ask(on: Link, channel: Channel): Promise<void> {
    if (channel.asked?.on === on) return channel.asked.answer
    const answer = on.send(commands[channel.kind].join, [channel.name]).then(() => {
      channel.heard = true
      tellGap(channel)
    })
    channel.asked = { on, answer }
    answer.catch(error => {
      if (channel.asked?.answer === answer) channel.asked = undefined
      if (!channel.gap || isLinkFailure(error)) return
      for (const { refused } of channel.listeners) if (refused) surfacing(() => refused(error))
    })
    return answer
  }

  function ready(): Promise<Link> {
    if (link?.usable) return Promise.resolve(link)
    opening ??= withResolvers<Link>()
    // The end of a link that still lies there starts it as well.
    if (!link) scout.start()
    return opening.promise
  }

  async function confirmed(channel: Channel): Promise<void> {
    for (;;) {
      try {
        return await ask(await ready(), channel)
      } catch (error) {
        if (closed || !isLinkFailure(error)) throw closed ? closure() : error
      }
    }
  }

  function join(kind: ChannelKind, name: string, listener: SubscribeHandlers): Channel {
    const unheard = { kind, name, listeners: new Set<SubscribeHandlers>(), asked: undefined, heard: false, gap: false }
    const channel = channels.get(idOf(kind, name)) ?? unheard
    channels.set(idOf(kind, name), channel)
    channel.listeners.add(listener)
    return channel
  }

  function leave(channel: Channel, listener: SubscribeHandlers): void {
    if (!channel.listeners.delete(listener) || channel.listeners.size > 0) return
    channels.delete(idOf(channel.kind, channel.name))
    if (channel.asked && channel.asked.on === link) {
      link.send(commands[channel.kind].leave, [channel.name]).catch(() => {})
    }
  }

  return {
    async subscribe(name, { message, gap, refused }, kind = 'exact') {
      if (closed) throw closure()
      // An object of its own, so that the same handlers may listen twice.
      const listener = { message, gap, refused }
      const channel = join(kind, name, listener)
      try {
        await confirmed(channel)
      } catch (error) {
        leave(channel, listener)
        throw error
      }
      return { close: () => leave(channel, listener) }
    },
    serverIsBack() {
      if (!link && channels.size > 0) scout.start()
    },
    retire: reason => link?.destroy(reason),
    async close() {
      closed = true
      scout.stop()
      opening?.reject(closure())
      link?.destroy(closure())
      await link?.ended
    },
  }
}

const idOf = (kind: ChannelKind, name: string) => `${kind} ${name}`

const isLinkFailure = (error: unknown) => isKeyplanError(error) && errorTable[error.code].class === 'link'

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
