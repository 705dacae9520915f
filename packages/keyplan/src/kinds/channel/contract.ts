import type { CallOptions } from '../../base/call.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { InboxLimits } from '../../base/inbox.ts'
import type { LogGap } from '../../mechanisms/log/place.ts'
import type { Declaration } from '../../plan/declaration.ts'
import { commonOf, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import { factsOf } from './facts.ts'
import { type ChannelOptions, ownOptions } from './options.ts'
import { type ChannelSettings, settingsOf } from './settings.ts'

/** A message as it was received. */
export interface Delivery<P extends string = string, Out = unknown> {
  readonly message: Out
  /** Those of the channel it came on, as text. */
  readonly params: { readonly [Name in ParamName<P>]: string }
  /** Of a message of a `reliable` channel: from here a later subscription may go on (`after`). */
  readonly id: string | undefined
}

/** What was or may have been missed. */
export interface ChannelGap {
  /** Undefined where it is not known, as on a channel that is not `reliable`. */
  readonly missing: LogGap | undefined
}

export interface Published {
  /**
   * How many connections heard it: of this process and others, not of a handler. On a cluster those of the server that
   * took it.
   */
  readonly receivers: number
  /** Of a `reliable` channel. */
  readonly id: string | undefined
  /** It was dropped: Redis could not be asked, or channels are switched off. */
  readonly degraded?: true
}

export interface SubscribeOptions {
  /** Ends the subscription. */
  signal?: AbortSignal | undefined
  /**
   * Messages may have been missed, because the link was lost; of a `reliable` channel: messages were, because they are no
   * longer kept. Told in order with the messages of a reliable channel, else as soon as it listens again.
   */
  gap?: ((gap: ChannelGap) => void) | undefined
  /**
   * Of a `reliable` channel: begin behind the message with this id (`id` of a delivery), with `start` at the oldest that is
   * kept. Default: with what is published from now on.
   */
  after?: string | undefined
}

/** One who listens. */
export interface ChannelSubscription extends Disposable {
  /** Messages that were not delivered because it had no room for them. */
  readonly dropped: number
  /** Messages that it has yet to take. */
  readonly waiting: number
  /** Resolves when it has ended: with the reason, where it was not closed. */
  readonly ended: Promise<KeyplanError | undefined>
  /** Nothing more is delivered, nothing that waits either. */
  close(): void
}

/**
 * Given one message at a time. While the promise that it returns is open, the next ones wait. What it throws is a notice
 * (`handler-failed`) and keeps nothing from being delivered.
 */
export type ChannelHandler<P extends string, Out> = (delivery: Delivery<P, Out>) => unknown

/** One channel. */
export interface Channel<P extends string = string, In = unknown, Out = unknown> {
  /**
   * Publishes. Messages of one process reach a subscriber in the order they were published in.
   *
   * @throws KeyplanError VALUE_INVALID; with `whenDown: 'fail'` when Redis cannot be asked
   */
  publish(message: In, options?: CallOptions): Promise<Published>
  /**
   * Listens. Resolves when the server has confirmed it, and waits for as long as that cannot be reached; what is published
   * from then on is delivered.
   *
   * @throws KeyplanError PARAM_INVALID, ABORTED, CLOSED, and what the server refuses it for
   */
  subscribe(handler: ChannelHandler<P, Out>, options?: SubscribeOptions): Promise<ChannelSubscription>
  /**
   * The same for a loop: it listens from the first step on and ends with the loop.
   *
   * @throws KeyplanError as `subscribe`; OVERLOADED where `buffer.drop` is `close`
   */
  messages(options?: SubscribeOptions): AsyncIterableIterator<Delivery<P, Out>>
}

/** `redis.<namespace>` of a channel. */
export interface ChannelNamespace<P extends string = string, In = unknown, Out = unknown> {
  (params: Params<P>): Channel<P, In, Out>
  /**
   * Listens to every channel of the namespace: each delivery says which one by its params. A channel that other namespaces
   * own is never delivered.
   *
   * @throws KeyplanError as `subscribe`; UNSUPPORTED where the namespace is `sharded`, since servers have no patterns there
   */
  subscribeAll(handler: ChannelHandler<P, Out>, options?: Omit<SubscribeOptions, 'after'>): Promise<ChannelSubscription>
  /** `subscribeAll` for a loop. */
  allMessages(options?: Omit<SubscribeOptions, 'after'>): AsyncIterableIterator<Delivery<P, Out>>
}

export interface ChannelDeclaration<P extends string = string, In = unknown, Out = unknown>
  extends Declaration<'channel', P, ChannelNamespace<P, In, Out>> {
  readonly whenDown: 'drop' | 'fail'
  readonly options: ChannelSettings
}

/** What waits for a handler, and what happens when there is no more room. */
export interface ChannelBuffer extends InboxLimits {
  readonly drop: 'oldest' | 'newest' | 'close'
}

/**
 * Declares a channel: `channel('events:<topic>', { value: json<Event>() })`.
 *
 * Messages reach who listens at that moment, at most once; `gap` tells when some may have been missed. With `reliable` they
 * are kept for a while, and who was away gets them later, in order and once.
 */
export function channel<const P extends string, In, Out>(
  pattern: P,
  options: ChannelOptions<P, In, Out>,
): ChannelDeclaration<P, In, Out> {
  const given = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf(given, problems)
  const whenDown = given.whenDown ?? (settings.reliable ? 'fail' : 'drop')
  const common = commonOf(given)
  return {
    kind: 'channel',
    pattern,
    space: 'channel',
    durability: 'none',
    whenDown,
    common,
    options: settings,
    facts: factsOf(settings),
    problems,
  }
}
