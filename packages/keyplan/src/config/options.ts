import type { ConnectionOptions } from 'node:tls'
import type { Duration } from '../base/duration.ts'
import type { Size } from '../base/size.ts'

/** Where a server is, and how to be let in. Who names one here names it whole: nothing of it is taken from elsewhere. */
export interface ServerOptions {
  /**
   * `redis://user:password@host:6379/0`, `rediss://…`, `unix:///path`, or Sentinels:
   * `redis://one:26379,two:26379?sentinelMasterId=main`. Default: the environment's `REDIS_URL`, or its other names.
   */
  url?: string | undefined
  /** The password, or what gives it: asked anew for each connection. It wins over the URL's. */
  password?: string | (() => string | Promise<string>) | undefined
  /**
   * TLS settings of Node; implied by `rediss://`. `insecureSkipVerify` trusts any certificate, so that anyone on the way
   * can pose as the server: it is warned of at each start.
   */
  tls?: (ConnectionOptions & { insecureSkipVerify?: boolean }) | undefined
  /** Sentinels, `host:port`, and what they call the master. User and password are the Sentinels' own. */
  sentinel?:
    | {
        master: string
        addresses: readonly string[]
        username?: string
        password?: string | (() => string | Promise<string>)
        /** Bounds one connection to a Sentinel. Default: `connectTimeout`. */
        connectTimeout?: Duration
      }
    | undefined
  /** Some nodes of a Cluster, `host:port`. Default: 16 redirections for a call at most. */
  cluster?: { addresses: readonly string[]; maxRedirects?: number } | undefined
  /** Read replicas of a standalone server, `host:port`. They share its user, password and TLS. */
  replicas?: readonly string[] | undefined
  /** Where namespaces that allow replicas are read. Default: `any`, each in turn; `nearest` has the lowest ping. */
  readFrom?: 'master' | 'nearest' | 'any' | undefined
  /** Command links for each node. Default: 1, which carries all calls in flight. */
  pool?: number | undefined
  /** What servers call each other, `host:port`, and where this process reaches them. */
  natMap?: Readonly<Record<string, string>> | undefined
}

/** How to reach Redis and how patient to be. Everything has a default. */
export interface ConnectOptions extends ServerOptions {
  /**
   * Servers for kinds that may be evicted and kinds that must not be. Each is laid over the one server. `quorum` lists
   * three or more servers that know nothing of each other, URLs or `host:port`, for locks that most of them vote for.
   */
  servers?: { cache?: ServerOptions; durable?: ServerOptions; quorum?: readonly string[] } | undefined
  /** A configuration file, or `true` for the `keyplan.yaml`, `.json` or `.ts` of the working directory. Default: none. */
  config?: string | true | undefined
  /** A file of variables, or `true` for `.env`; with it goes the same name and `.<environment>`. Default: none. */
  envFile?: string | true | undefined
  /** What to leave out: caches call their loader, limits allow, messages are dropped, sessions refuse. Default: all on. */
  features?: { cache?: boolean; rateLimit?: boolean; channel?: boolean; session?: boolean } | undefined
  /** Stands before every pattern in place of the plan's own prefix. */
  prefix?: string | undefined
  /**
   * `optional`: `connect` resolves even if Redis cannot be reached, and heals by itself (default). `required`: it
   * rejects when no server is configured, or Redis is not there within `connectTimeout`. A refused password always rejects.
   */
  start?: 'optional' | 'required' | undefined
  /** Run in this process, without Redis. Default: when no server is configured, except in production or with `start: 'required'`. */
  memory?: boolean | undefined
  /** Bounds the making of one connection, and a `required` start. Default: 5s. */
  connectTimeout?: Duration | undefined
  /** The longest one try of a call may take. Default: 1s. */
  attempt?: Duration | undefined
  /** The longest a call may take with all its tries. Default: 5s. */
  deadline?: Duration | undefined
  /** A link with calls outstanding that is silent for this long is replaced. Default: 1s. */
  stall?: Duration | undefined
  /** An idle link is pinged this often. Default: 3s. */
  pingEvery?: Duration | undefined
  /** Delay between attempts to reconnect: it doubles from `min` to `max`. Default: 50ms to 2s. */
  backoff?: { min?: Duration; max?: Duration } | undefined
  /** Tries after the first, and the pause before the second. Default: as many as the deadline allows, and 25ms. */
  retry?: { attempts?: number; delay?: Duration } | undefined
  /** The circuit breaker: link failures that open it, successes that close it. Default: 5, 2, and a probe each 30s. */
  breaker?: { failures?: number; successes?: number; probeEvery?: Duration } | undefined
  /** What may wait for a link that is down. Default: 1000 calls and 16mb. */
  waiting?: { calls?: number; bytes?: Size } | undefined
  /** Most commands without an answer, for each server: those beyond wait. Gathered calls are one. Default: 10,000. */
  inFlight?: number | undefined
  /** Most commands that leave in one flush. Default: 100. */
  pipeline?: { maxCommands?: number } | undefined
  /** One line for each change of state, or `false` for none. Default: warnings go to `console.warn`. */
  log?: ((level: 'info' | 'warn', line: string) => void) | false | undefined
}
