import type { CallOptions } from '../base/call.ts'
import type { KeyplanError } from '../base/error.ts'
import type { Notice } from '../kinds/kind.ts'
import type { Namespaces } from '../plan/plan.ts'
import type { Reply } from '../redis/redis.ts'

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
  /** `host:port`, or the socket's path. */
  readonly server: string | undefined
  readonly version: string | undefined
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
  breaker: { state: Status['breaker'] }
  /** A namespace answers by its `whenDown`. Told once for each namespace and outage. */
  degraded: { namespace: string; operation: string; error: KeyplanError }
  /** What a kind has to tell, e.g. a lock that was lost. */
  notice: Notice
}

/** The verbs of the client itself. */
export interface ClientVerbs {
  readonly $status: Status
  /** Listens until the returned function is called. */
  $on<E extends keyof ClientEvents>(event: E, listener: (detail: ClientEvents[E]) => void): () => void
  /**
   * Sends one command that names no key, such as `INFO` or `DBSIZE`, under the same guard as everything else.
   *
   * @throws KeyplanError UNSUPPORTED in memory mode, PARAM_INVALID for what would change or block the link that all
   * calls share (SUBSCRIBE, MULTI, SELECT, AUTH, BLPOP, …)
   */
  $command(command: string, args?: readonly (string | number)[], options?: CallOptions): Promise<Reply>
  /** Lets calls in flight finish for at most `stall`, then closes every link. The client cannot be used afterwards. */
  $close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * The client of a plan: one property for each namespace, beside the `$` verbs. Foreign namespaces, whose client type is
 * `undefined`, have none.
 */
export type Client<N extends Namespaces> = ClientVerbs & {
  readonly [Name in keyof N as [NonNullable<N[Name]['~client']>] extends [never] ? never : Name]: NonNullable<
    N[Name]['~client']
  >
}
