import type { CallOptions } from '../../base/call.ts'
import type { FollowOptions } from '../../mechanisms/log/followings.ts'
import type { LogGap } from '../../mechanisms/log/place.ts'
import { commonOf, type Declaration, optionProblems } from '../../plan/declaration.ts'
import type { Params } from '../../plan/params.ts'
import { type FeedOptions, ownOptions } from './options.ts'
import { type FeedSettings, factsOf, settingsOf } from './settings.ts'

export type { FollowOptions, LogGap }

/** One entry of a feed. */
export interface FeedEntry<Out = unknown> {
  /** Given by the server, ever growing within the feed. */
  readonly id: string
  /** When it was appended, in milliseconds since the epoch on the server's clock. */
  readonly at: number
  readonly value: Out
}

export interface RangeOptions extends CallOptions {
  /** Only entries behind the one with this id. */
  after?: string | undefined
  /** Only entries in front of the one with this id. */
  before?: string | undefined
  /** At most so many. Default: 100; at most 10,000. */
  limit?: number | undefined
  /** The newest first. Default: the oldest first. */
  reverse?: boolean | undefined
}

/** One feed: entries in the order they were appended in. */
export interface Feed<In = unknown, Out = unknown> {
  /**
   * Adds an entry, takes away what is not kept, renews the time to live and announces it: one step. After an unknown outcome
   * it is not sent again, since it might stand there twice.
   *
   * @throws KeyplanError VALUE_INVALID; OVERLOADED in memory mode; when Redis cannot be asked
   */
  append(value: In, options?: CallOptions): Promise<{ readonly id: string }>
  /** Entries that do not decode are left out and counted. */
  range(options?: RangeOptions): Promise<FeedEntry<Out>[]>
  /** The newest `count` entries, the oldest of them first. Default: 10. */
  tail(count?: number, options?: CallOptions): Promise<FeedEntry<Out>[]>
  /**
   * First what lies there, then what comes, each entry once and in order, also over lost links, restarts and failovers. A
   * consumer that is slow reads later. All that a process follows shares one link.
   *
   * @throws KeyplanError PARAM_INVALID; when it is iterated CLOSED, and with `after: 'now'` what kept Redis from being asked
   * where that is
   */
  follow(options?: FollowOptions): AsyncIterableIterator<FeedEntry<Out>>
  /** How many entries are kept. */
  length(options?: CallOptions): Promise<number>
  /** Removes all entries. Says whether there were any. Is not sent again when its reply was lost: the outcome is `unknown`. */
  delete(options?: CallOptions): Promise<boolean>
}

/** `redis.<namespace>` of a feed. */
export type FeedNamespace<P extends string = string, In = unknown, Out = unknown> = (params: Params<P>) => Feed<In, Out>

export interface FeedDeclaration<P extends string = string, In = unknown, Out = unknown>
  extends Declaration<'feed', P, FeedNamespace<P, In, Out>> {
  readonly whenDown: 'fail'
  readonly options: FeedSettings
}

/**
 * Declares a feed: `feed('thoughts:<sessionId>', { ttl: '1h', value: json<Thought>() })`, an ordered log that can be read
 * back, followed, and resumed from an id.
 */
export function feed<const P extends string, In, Out>(
  pattern: P,
  options: FeedOptions<P, In, Out>,
): FeedDeclaration<P, In, Out> {
  const given = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const settings = settingsOf(given, problems)
  const common = commonOf(given)
  return {
    kind: 'feed',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown: 'fail',
    common,
    options: settings,
    facts: factsOf(settings),
    problems,
    announce: settings.announce,
  }
}
