import type { CallOptions } from '../../base/call.ts'
import type { FollowOptions } from '../../mechanisms/log/followings.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import type { JoinOptions, Membership } from './membership/contract.ts'

/** A member as others see it. */
export interface RegistryMember<Out = unknown> {
  readonly id: string
  readonly capabilities: readonly string[]
  readonly metadata: Out
  /** As it told last; 0 until it does. */
  readonly load: number
  /** Milliseconds since the epoch on the server's clock. */
  readonly joinedAt: number
}

/** What happened to a member, as it is announced on a channel. */
export interface RegistryChange<Out = unknown> {
  /** `expired`: its lease ended without a word. */
  readonly type: 'joined' | 'updated' | 'left' | 'expired'
  /** As it was when it happened. */
  readonly member: Pick<RegistryMember<Out>, 'id' | 'capabilities' | 'metadata'>
  /** It joined in place of one alive that had the same name. */
  readonly replaced?: true | undefined
}

/** A change as it is kept. */
export interface RegistryEvent<Out = unknown> extends RegistryChange<Out> {
  /** Given by the server, ever growing within the registry. */
  readonly id: string
  /** When it happened, in milliseconds since the epoch on the server's clock. */
  readonly at: number
}

/** One name of a registry. */
export interface RegistryEntry<In = unknown, Out = unknown, Down extends string = never> {
  /**
   * Joins under this name, in place of whoever has it, and stays until it leaves: its process says every `beat` that all its
   * members are alive.
   *
   * @throws KeyplanError PARAM_INVALID, VALUE_INVALID; OVERLOADED in memory mode; when Redis cannot be asked
   */
  join(
    ...options: [In] extends [undefined] ? [options?: JoinOptions<In>] : [options: JoinOptions<In>]
  ): Promise<Membership<In>>
  /** Undefined: nobody alive has this name. */
  get(options?: CallOptions): Promise<RegistryMember<Out> | undefined | Down>
}

/** What members have in common: a capability, or several and fields of the index. All must hold. */
export type MemberQuery<Field extends string = string> =
  | string
  | {
      capabilities?: string | readonly string[] | undefined
      where?: { readonly [F in Field]?: string | number | boolean | undefined } | undefined
    }

export interface FindOptions extends CallOptions {
  /** At most so many. Default: 100; at most 1,000. */
  limit?: number | undefined
  /** Only those behind this id. */
  after?: string | undefined
  /** `load`: the least busy first. Default: in the order of their ids. */
  order?: 'id' | 'load' | undefined
}

export interface PickOptions extends CallOptions {
  /** In turn, or one of those with the least load, in turn among equals. Default: `turn`. */
  by?: 'turn' | 'load' | undefined
}

/** One registry. Whoever's lease has ended is never among what it gives. */
export interface Registry<Out = unknown, Field extends string = string, Down extends string = never> {
  /** Members in one step; all of them when nothing is asked for. Those that do not decode are left out and counted. */
  find(query?: MemberQuery<Field>, options?: FindOptions): Promise<readonly RegistryMember<Out>[] | Down>
  /** All of them, read in pages of 500: whoever joins or leaves meanwhile may or may not be among them. */
  list(query?: MemberQuery<Field>, options?: CallOptions): Promise<readonly RegistryMember<Out>[] | Down>
  /** One of them. Undefined: there is none. */
  pick(query?: MemberQuery<Field>, options?: PickOptions): Promise<RegistryMember<Out> | undefined | Down>
  count(query?: MemberQuery<Field>, options?: CallOptions): Promise<number | Down>
  /**
   * The events: first those that are kept, then what comes, each once and in order, also over lost links and restarts.
   * Default: from the oldest; `after: 'now'` begins behind the newest.
   *
   * @throws KeyplanError as `follow` of a feed
   */
  follow(options?: FollowOptions): AsyncIterableIterator<RegistryEvent<Out>>
}

/** The last parameter of a pattern. */
type MemberName<P extends string> = P extends `${string}<${infer Name}>${infer Tail}`
  ? Tail extends `${string}<${string}>${string}`
    ? MemberName<Tail>
    : Name extends `${infer Rest}...`
      ? Rest
      : Name
  : never

/**
 * `redis.<namespace>` of a registry. Where the pattern has one parameter it is one registry; otherwise there is one for each
 * value of those before the last, which `in` gives.
 */
export type RegistryNamespace<
  P extends string = string,
  In = unknown,
  Out = unknown,
  Field extends string = string,
  Down extends string = never,
> = ((params: Params<P>) => RegistryEntry<In, Out, Down>) &
  ([Exclude<ParamName<P>, MemberName<P>>] extends [never]
    ? Registry<Out, Field, Down>
    : { in(params: Omit<Params<P>, MemberName<P>>): Registry<Out, Field, Down> })
