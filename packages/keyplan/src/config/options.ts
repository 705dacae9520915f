import type { ConnectionOptions } from 'node:tls'
import type { Duration } from '../base/duration.ts'
import type { Size } from '../base/size.ts'

/** How to reach Redis and how patient to be. Everything has a default. */
export interface ConnectOptions {
  /** `redis://user:password@host:6379/0`, `rediss://…` or `unix:///path`. Default: the environment's `REDIS_URL`. */
  url?: string | undefined
  /** The password, or what gives it: asked anew for each connection. It wins over the URL's. */
  password?: string | (() => string | Promise<string>) | undefined
  /** TLS settings; implied by `rediss://`. */
  tls?: ConnectionOptions | undefined
  /** Stands before every pattern in place of the plan's own prefix. */
  prefix?: string | undefined
  /**
   * `optional`: `connect` resolves even if Redis cannot be reached, and heals by itself (default). `required`: it
   * rejects when Redis is not there within `connectTimeout`. A refused password always rejects.
   */
  start?: 'optional' | 'required' | undefined
  /** Run in this process, without Redis. Default: when no server is configured, except in production. */
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
  /** The circuit breaker: link failures that open it, successes that close it. Default: 5, 2, and a probe each 30s. */
  breaker?: { failures?: number; successes?: number; probeEvery?: Duration } | undefined
  /** What may wait for a link that is down. Default: 1000 calls and 16mb. */
  waiting?: { calls?: number; bytes?: Size } | undefined
  /** One line for each change of state. Default: warnings go to `console.warn`. */
  log?: ((level: 'info' | 'warn', line: string) => void) | undefined
}
