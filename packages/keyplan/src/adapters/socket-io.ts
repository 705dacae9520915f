import { EventEmitter } from 'node:events'
import { isKeyplanError, KeyplanError, kindOf } from '../base/error.ts'
import type { Client, ClientVerbs } from '../client/client.ts'
import type { Channel, ChannelDeclaration, ChannelNamespace, Delivery } from '../kinds/channel/contract.ts'
import type { Pattern } from '../plan/pattern/pattern.ts'

/** Open channels of text, such as `redis.sockets`, whose pattern has one param. */
export type OpenChannels = ((params: never) => Channel<string, string, string>) &
  Pick<ChannelNamespace<string, string, string>, 'subscribeAll'> & {
    key(params: never): string
    readonly pattern: Pattern
    readonly declaration: Pick<ChannelDeclaration, 'kind'>
  }

type Listener = (message: Buffer, channel: string) => void

/** What @socket.io/redis-adapter asks of its clients; it takes this for one of the package `redis`. */
export interface SocketClient extends Pick<EventEmitter, 'on' | 'off' | 'listenerCount'> {
  publish(channel: string, message: string | Uint8Array): Promise<number>
  subscribe(channels: string | readonly string[], listener: Listener): Promise<void>
  unsubscribe(channels: string | readonly string[], listener?: Listener): Promise<void>
  /** @param pattern a prefix and `*` */
  pSubscribe(pattern: string, listener: Listener): Promise<void>
  pUnsubscribe(pattern: string, listener?: Listener): Promise<void>
  sPublish(channel: string, message: string | Uint8Array): Promise<number>
  sSubscribe(channel: string, listener: Listener): Promise<void>
  sUnsubscribe(channels: string | readonly string[]): Promise<void>
  /** `PUBSUB NUMSUB` and `PUBSUB SHARDNUMSUB` of one channel. */
  sendCommand(command: readonly string[]): Promise<[channel: string, subscribers: number]>
}

interface Ear {
  readonly name: string
  readonly listener: Listener
  readonly end: AbortController
}

/**
 * A client for @socket.io/redis-adapter over channels of text: `createAdapter(client, client)`, with
 * `const client = socketClient(redis, redis.sockets)`. What cannot be published or listened to while Redis is down is told by its
 * event `error`; it listens again by itself.
 *
 * @throws KeyplanError PARAM_INVALID for what are no open channels; PLAN_INVALID when they do not have one param
 */
export function socketClient(client: Pick<ClientVerbs, '$command'>, namespace: OpenChannels): SocketClient {
  const { at, nameOf, keyOf } = channelsByName(client, namespace)
  const events = new EventEmitter()
  const ears: Ear[] = []

  /** The adapter waits for nothing: what rejected would end the process. */
  function tell(error: unknown): void {
    if (events.listenerCount('error') > 0) events.emit('error', error)
  }

  async function publish(channel: string, message: string | Uint8Array): Promise<number> {
    try {
      const { receivers } = await at(channel).publish(Buffer.from(message as Uint8Array).toString('latin1'))
      return receivers
    } catch (error) {
      tell(error)
      return 0
    }
  }

  async function listen(name: string, listener: Listener, join: (ear: Ear) => Promise<unknown>): Promise<void> {
    const ear = { name, listener, end: new AbortController() }
    ears.push(ear)
    try {
      await join(ear)
    } catch (error) {
      if (!ear.end.signal.aborted) tell(error)
    }
  }

  async function leave(names: readonly string[], listener?: Listener): Promise<void> {
    const gone = ears.filter(ear => names.includes(ear.name) && (listener ?? ear.listener) === ear.listener)
    for (const ear of gone) {
      ears.splice(ears.indexOf(ear), 1)
      ear.end.abort()
    }
  }

  /** One byte is one character: the adapter writes bytes, and messages are text. */
  const hear = (listener: Listener) => (delivery: Delivery<string, string>) =>
    listener(Buffer.from(delivery.message, 'latin1'), nameOf(delivery))

  const subscribe = async (channels: string | readonly string[], listener: Listener) => {
    const each = [channels].flat() as string[]
    await Promise.all(
      each.map(name => listen(name, listener, ({ end }) => at(name).subscribe(hear(listener), { signal: end.signal }))),
    )
  }
  const unsubscribe = (channels: string | readonly string[], listener?: Listener) =>
    leave([channels].flat() as string[], listener)

  return Object.assign(events, {
    publish,
    subscribe,
    unsubscribe,
    pSubscribe(pattern: string, listener: Listener) {
      const prefix = pattern.slice(0, -1)
      const heard = (message: Buffer, channel: string) => {
        if (channel.startsWith(prefix)) listener(message, channel)
      }
      return listen(pattern, listener, ({ end }) => namespace.subscribeAll(hear(heard), { signal: end.signal }))
    },
    pUnsubscribe: unsubscribe,
    sPublish: publish,
    sSubscribe: subscribe,
    sUnsubscribe: (channels: string | readonly string[]) => unsubscribe(channels),
    async sendCommand([command = '', count = '', channel = '']: readonly string[]): Promise<[string, number]> {
      try {
        const reply = await client.$command(command, [count, keyOf(channel)])
        return [channel, Number(Array.isArray(reply) ? reply[1] : 0)]
      } catch (error) {
        // In memory there is this process alone.
        if (isKeyplanError(error, 'UNSUPPORTED')) return [channel, 1]
        throw error
      }
    },
  })
}

function channelsByName(client: Pick<Client<Record<never, never>>, '$command'>, namespace: OpenChannels) {
  if (typeof client?.$command !== 'function') {
    const message = `socketClient() was given ${kindOf(client)}; give it the client of the plan, and its channels`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  if (typeof namespace !== 'function' || namespace.declaration?.kind !== 'channel') {
    const message = `socketClient() was given ${kindOf(namespace)}; give it open channels, such as redis.sockets`
    throw new KeyplanError('PARAM_INVALID', message)
  }
  const { source, params } = namespace.pattern
  const [param] = params
  if (param === undefined || params.length > 1) {
    const message = `socketClient() needs channels with one param and '${source}' has ${params.length}; write it as 'sockets:<channel...>'`
    throw new KeyplanError('PLAN_INVALID', message)
  }
  const paramsOf = (channel: string) => ({ [param]: channel }) as never
  return {
    at: (channel: string) => namespace(paramsOf(channel)),
    keyOf: (channel: string) => namespace.key(paramsOf(channel)),
    nameOf: ({ params: found }: Delivery<string, string>) => (found as Record<string, string>)[param]!,
  }
}
