import type { KeyplanError } from '../base/error.ts'
import type { OperationStats } from '../guard/tally.ts'
import type { CacheFigures } from '../kinds/cache/figures.ts'
import type { ChannelFigures } from '../kinds/channel/figures.ts'
import type { FeedFigures } from '../kinds/feed/figures.ts'
import type { Notice } from '../kinds/kind.ts'
import type { RateLimitFigures } from '../kinds/rate-limit/counters.ts'
import type { RegistryFigures } from '../kinds/registry/figures.ts'
import type { StreamFigures } from '../kinds/stream/figures.ts'
import type { LeaseFigures } from '../mechanisms/lease/custody.ts'
import type { Declaration } from '../plan/declaration.ts'
import type { Params } from '../plan/params.ts'
import type { Pattern as ParsedPattern } from '../plan/pattern/pattern.ts'
import type { Namespaces, Plan } from '../plan/plan.ts'
import type { Argument, Command, Reply } from '../redis/redis.ts'
import type { CommandOptions } from './commands.ts'

/** What is known of one node. */
export interface NodeStatus {
  readonly server: string
  readonly state: 'connected' | 'connecting' | 'reconnecting' | 'closed'
  readonly version: string | undefined
  readonly error: KeyplanError | undefined
}

/** What is known of the connection right now. Holds no credentials. */
export interface Status {
  /**
   * - `connected`: calls go through.
   * - `degraded`: there is a link, but the circuit breaker keeps calls away from it.
   * - `connecting`, `reconnecting`: there is no link; it is being made.
   * - `memory`: no server is configured; everything lives in this process.
   * - `closed`
   */
  readonly state: 'connected' | 'degraded' | 'connecting' | 'reconnecting' | 'memory' | 'closed'
  /** `host:port`, the socket's path, or the addresses of a cluster. */
  readonly server: string | undefined
  /** Each node that is needed: one, or the masters of a cluster; then those of a quorum, which are no part of `state`. */
  readonly nodes: readonly NodeStatus[]
  readonly version: string | undefined
  /** Features that the configuration switches off. */
  readonly disabled: readonly ('cache' | 'rateLimit' | 'channel' | 'session')[]
  readonly breaker: 'closed' | 'open' | 'half-open'
  /** Why there is no link. */
  readonly error: KeyplanError | undefined
}

/** What `$on` tells, by name. */
export interface ClientEvents {
  /** A link is up. `afterMs` is how long there was none. */
  connected: { server: string; version: string | undefined; afterMs: number }
  /** The link is gone and is being made anew. */
  reconnecting: { server: string; error: KeyplanError }
  /** An attempt to connect failed; told at the first, then each time their number doubles. */
  unreachable: { server: string; error: KeyplanError; attempts: number }
  breaker: { server: string; state: Status['breaker'] }
  /** Another server has taken the place of the master, by Sentinel or in a cluster. */
  failover: { server: string; from: string }
  /** It listens again after a lost link: messages on channels may have been missed. */
  gap: { server: string }
  /** A namespace answers by its `whenDown`. Told once for each namespace and outage. */
  degraded: { namespace: string; operation: string; error: KeyplanError }
  /** What a kind has to tell, e.g. a lock that was lost, or could not be renewed yet. */
  notice: Notice
}

export interface NamespaceStats extends OperationStats {
  /** Of a cache. */
  readonly cache?: CacheFigures
  /** Of a lock. */
  readonly lock?: LeaseFigures
  readonly semaphore?: LeaseFigures
  /** Of a rate limit. */
  readonly rateLimit?: RateLimitFigures
  /** Of a channel. */
  readonly channel?: ChannelFigures
  /** Of a feed. */
  readonly feed?: FeedFigures
  /** Of a registry. */
  readonly registry?: RegistryFigures
  /** Of a stream. */
  readonly stream?: StreamFigures
}

/** Counts of the whole client, and of each namespace that was used; `$command` and its like under their own names. */
export interface Stats extends OperationStats {
  readonly namespaces: Readonly<Record<string, NamespaceStats>>
}

/** The verbs of the client itself. */
export interface ClientVerbs {
  readonly $status: Status
  /** Listens until the returned function is called. */
  $on<E extends keyof ClientEvents>(event: E, listener: (detail: ClientEvents[E]) => void): () => void
  /** What was done since the client was opened. */
  $stats(): Stats
  /**
   * Sends one command, to where its key is: `$command('hincrby', [redis.visits.key({ page }), 'count', 1])`.
   *
   * @throws KeyplanError UNSUPPORTED in memory mode, PARAM_INVALID for what would change or block the link that all
   * calls share (SUBSCRIBE, MULTI, SELECT, AUTH, BLPOP, …)
   */
  $command(command: string, args?: readonly Argument[], options?: CommandOptions): Promise<Reply>
  /**
   * Sends commands in one write, in order. Gives each its reply, or its error in the same place. Other callers' commands
   * may come between.
   *
   * @throws KeyplanError as `$command`; what kept all of them from being served
   */
  $batch(commands: readonly Command[], options?: CommandOptions): Promise<readonly (Reply | KeyplanError)[]>
  /**
   * Runs commands as one step (MULTI): all, or none when the server refuses one of them at once. On a cluster their keys
   * share a slot. A command that fails while it runs has its error in its place; the others are done.
   *
   * @throws KeyplanError as `$command`; CROSS_SLOT
   */
  $transaction(commands: readonly Command[], options?: CommandOptions): Promise<readonly (Reply | KeyplanError)[]>
  /**
   * Lets calls in flight finish for at most `stall`, and handlers that are at work for their grace (of a stream's worker 10 s,
   * of a document's listener 5 s), then closes every link. The client cannot be used afterwards.
   */
  $close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What every namespace has. */
export interface Keyed<D extends Declaration> {
  /** The key on the server, prefix included: for `$command`, `$batch` and `$transaction`. */
  key(params: Params<D['pattern']>): string
  /** What stands for that key in notices and errors, such as `#5f2c09d1`: the same as long as this process lives. */
  mark(params: Params<D['pattern']>): string
  /** What its keys look like, prefix included. */
  readonly pattern: ParsedPattern
  /** As it stands in the plan. */
  readonly declaration: D
}

/** `Client<typeof plan>`: one property for each namespace, beside the `$` verbs. Foreign ones have their keys alone. */
export type Client<P extends Plan | Namespaces> = ClientVerbs & Opened<P extends Plan<infer N> ? N : P>

type Opened<N> = {
  readonly [Name in keyof N]: N[Name] extends Declaration
    ? Keyed<N[Name]> & ([NonNullable<N[Name]['~client']>] extends [never] ? unknown : NonNullable<N[Name]['~client']>)
    : never
}
