import type { Clock } from '../base/clock.ts'
import type { Guard } from '../guard/guard.ts'
import type { Announcement } from '../mechanisms/log/announcement.ts'
import type { LocalServer } from '../mechanisms/log/local.ts'
import type { SourceNotice } from '../mechanisms/source.ts'
import type { Declaration } from '../plan/declaration.ts'
import type { ParamValues, Pattern } from '../plan/pattern/pattern.ts'
import type { Redis } from '../redis/redis.ts'
import type { Script } from '../redis/script.ts'
import type { Notice } from './notice.ts'

/** A server as a kind sees it. */
export interface Server {
  readonly redis: Redis
  /** For reads of namespaces that accept what a replica has. */
  readonly readers: Pick<Redis, 'send'>
  readonly guard: Guard
  /** Names the server that has a key; undefined where one has them all. */
  readonly lane: Redis['lane'] | undefined
  /** The longest pause between two attempts to reconnect, in milliseconds. */
  readonly slowestReconnect: number
}

export type { Notice } from './notice.ts'

export type Announcing = (params: ParamValues) => Announcement

/** What the client gives to a namespace when it opens it. */
export interface Surroundings {
  /** The name of the namespace in the plan. */
  readonly name: string
  readonly pattern: Pattern
  readonly clock: Clock
  /** Unique to this client: part of every owner token. */
  readonly instance: string
  /** Undefined in memory mode. */
  readonly server: Server | undefined
  /** Servers that know nothing of each other, of which most decide (`servers.quorum`), where they are configured. */
  readonly quorum?: readonly Server[] | undefined
  /** A guard for stores that have no server to fail: it traces, and honours the caller's signal. */
  readonly bare: Guard
  /** What the namespaces of one client share in memory mode. Default: one of its own. */
  readonly local?: LocalServer | undefined
  /** The channel on which a change is announced, by the params of what changes; undefined where none is declared. */
  readonly announcing?: Announcing | undefined
  notify(notice: Notice | SourceNotice): void
}

/** An open namespace: what the user touches, and how to let go of it. */
export interface Opened<Client> {
  readonly client: Client
  /** What the kind has counted. */
  figures?(): object
  /** Stops timers, renewals and waiters. */
  close(): Promise<void>
}

/** The row of a kind in the client's table: everything the assembly needs to know of it. */
export interface Kind<D extends Declaration = Declaration> {
  readonly kind: D['kind']
  /** Loaded on every link before it counts as ready. */
  readonly scripts: readonly Script[]
  /** The same of the links to the servers of a quorum. */
  readonly quorumScripts?: readonly Script[]
  open(declaration: D, surroundings: Surroundings): Opened<NonNullable<D['~client']>>
  /** By what name the kind can be switched off, and what it is then: it asks no server. */
  readonly feature?: 'cache' | 'rateLimit' | 'channel' | 'session'
  openDisabled?(declaration: D, surroundings: Surroundings): Opened<NonNullable<D['~client']>>
  /** Of a kind on which others announce what they change. */
  announcing?(declaration: D, pattern: Pattern): Announcing
}
