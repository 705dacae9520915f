import type { CallOptions } from '../../base/call.ts'
import type { ValueSource } from '../../base/codec/codec-of.ts'
import type { Duration } from '../../base/duration.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import type { DeadLetters } from './dead-letter.ts'
import { factsOf, ownOptions, settingsOf } from './options.ts'
import { outrunWarnings } from './outrun.ts'
import type { StreamSettings } from './settings.ts'
import type { GroupState } from './store.ts'
import type { BatchOptions, Message, Worker, WorkOptions } from './work-contract.ts'

export interface StreamOptions<P extends string, In, Out, Group extends string> extends NamespaceOptions<ParamName<P>> {
  /** What an entry holds: a codec such as `json<T>()`, or a schema. It lies in the field `value`. */
  value: ValueSource<In, Out>
  /** Who reads, and where each begins: `$` with what is appended from then on, `0` with the oldest entry, or behind an id. */
  groups?: { readonly [Name in Group]: { readonly start: string } }
  /**
   * What stays: at most about so many entries (default 100,000), or those of about this age. With `untilRead` none is
   * removed that a group of the stream has not finished, or is yet to begin with, however long the stream becomes.
   */
  keep?: { entries?: number; age?: Duration; untilRead?: boolean }
  /** How long one wait for new entries takes. Default: 5 s. */
  block?: Duration
  /** Most entries that a worker is given at once, 1 to 1,000. Default: 100. */
  batch?: number
  /** A claim that is not renewed for this long has lapsed: its entry is given to another worker. Default: 60 s. */
  claimAfter?: Duration
  /**
   * Deliveries after the first, and the pause before them, which doubles up to `max` and is spread by a fifth.
   * Default: 3, after 1 s, at most 1 min.
   */
  retry?: { attempts?: number; delay?: Duration; max?: Duration }
  /** How long what was given up is kept. Default: 7 days. */
  deadLetters?: { keep?: Duration }
  /** How long the `key` of an append is remembered. Default: 10 min. */
  dedupe?: Duration
  /**
   * What was handled is remembered, together with its acknowledgement, and not handled again: `true` by the entry, `by` by
   * what its value says, such as the id its sender gave it. `ttl`, left out, is as long as an entry may be delivered again.
   */
  idempotency?: boolean | { ttl?: Duration; by?: (value: NoInfer<Out>) => string }
}

export interface StreamDeclaration<
  P extends string = string,
  In = unknown,
  Out = unknown,
  Group extends string = string,
> extends Declaration<'stream', P, StreamNamespace<P, In, Out, Group>> {
  readonly whenDown: 'fail'
  readonly options: StreamSettings
}

/** `redis.<namespace>` of a stream: of one without parameters the stream itself. */
export type StreamNamespace<P extends string, In, Out, Group extends string> = string extends P
  ? ((params: Params<P>) => Stream<In, Out, Group>) & Stream<In, Out, Group>
  : [ParamName<P>] extends [never]
    ? Stream<In, Out, Group>
    : (params: Params<P>) => Stream<In, Out, Group>

export interface AppendOptions extends CallOptions {
  /** Within the `dedupe` window a second append under this key adds nothing and gives the id of the first. */
  key?: string
}

/** One stream. */
export interface Stream<In, Out, Group extends string> {
  /**
   * Adds an entry; its id. Appends of one tick share a round trip.
   *
   * @throws KeyplanError VALUE_INVALID; what keeps Redis from being asked. With outcome `unknown` it may have been added;
   * with a `key` it is then sent again, and added once
   */
  append(value: In, options?: AppendOptions): Promise<string>
  /** Adds entries in order, and gives their ids. When it rejects, some may have been added. */
  appendMany(values: readonly In[]): Promise<string[]>
  /** How many entries it holds. */
  count(options?: CallOptions): Promise<number>
  /**
   * Works for a group from now on: each entry is handled at least once, by one of its workers. A handler that returns has
   * done it; one that throws is asked again later, and at last the entry becomes a dead letter.
   *
   * @throws KeyplanError PARAM_INVALID
   */
  work(group: Group, handler: (messages: readonly Message<Out>[]) => unknown, options: BatchOptions<Out>): Worker
  work(group: Group, handler: (message: Message<Out>) => unknown, options?: WorkOptions<Out>): Worker
  /** How a group is doing, on the server. */
  inspect(group: Group, options?: CallOptions): Promise<GroupState>
  deadLetters(group: Group): DeadLetters<Out>
}

/**
 * Declares a stream: `stream('webhook_events', { value: json<Event>(), groups: { mailers: { start: '0' } } })`.
 *
 * Each entry is handled at least once by each group. What cannot be is told: as a dead letter, as a loss, as a gap.
 */
export function stream<const P extends string, In, Out, const Group extends string = never>(
  pattern: P,
  options: StreamOptions<P, In, Out, Group>,
): StreamDeclaration<P, In, Out, Group> {
  const problems = optionProblems(options, ownOptions)
  const given = options ?? {}
  const settings = settingsOf(given, problems)
  const common = Object.fromEntries(Object.entries(given).filter(([name]) => !ownOptions.includes(name)))
  return {
    kind: 'stream',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: 'fail',
    common,
    options: settings,
    facts: factsOf(settings),
    problems,
    warnings: outrunWarnings(settings, given.maxLag),
  }
}
