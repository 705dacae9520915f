import type { ConnectionOptions } from 'node:tls'
import type { Script } from './script.ts'

/** Where a server listens: a host and port, or the path of a unix socket. */
export type Address =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined }

/** How to be let in. */
export interface Access {
  readonly username?: string | undefined
  /** Asked anew for each connection, so that a rotated password is picked up. */
  readonly password?: (() => string | Promise<string>) | undefined
  readonly tls?: ConnectionOptions | undefined
}

/** One server: where it is, how to be let in, and which of its databases is meant. */
export type Endpoint = Address & Access & { readonly database: number }

/** What a link is for; part of its name on the server. A `reader` may ask a replica of a cluster. */
export type LinkRole = 'commands' | 'reader' | 'subscriber' | 'tracking' | 'blocking' | 'sentinel'

/** Times in milliseconds. */
export interface LinkSettings {
  /** First part of the connection's name on the server: `keyplan:<plan>`. */
  readonly name: string
  /** Loaded before the link counts as ready. */
  readonly scripts: readonly Script[]
  /** A connection, handshake included, that takes longer is given up. */
  readonly connectTimeout: number
  /** With calls outstanding and no byte for this long, the link is destroyed. */
  readonly stall: number
  /** An idle link is pinged this often. */
  readonly pingEvery: number
  /** Most commands that leave in one write. */
  readonly flush: number
}

export interface NodeSettings extends LinkSettings {
  /** Reconnect delays grow from `min` to `max`, jittered. */
  readonly backoff: { readonly min: number; readonly max: number }
  /** Most commands without an answer; those beyond wait, and are then refused. */
  readonly inFlight: number
  /** Most calls, and bytes of their arguments, that wait for a link that is down. */
  readonly waiting: { readonly calls: number; readonly bytes: number }
  /**
   * A command that waits for data blocks on the server for at most this long before it is sent again: a link that fell
   * silent is found after this and the stall. Default 2,500.
   */
  readonly slice?: number
}

/** Which servers make up the one that is meant. */
export interface Target {
  readonly topology: 'standalone' | 'sentinel' | 'cluster'
  /** The server; or the Sentinels that know it; or some nodes of the cluster. */
  readonly addresses: readonly Address[]
  /** Replicas of a standalone server. Sentinels and clusters tell theirs. */
  readonly replicas: readonly Address[]
  readonly access: Access
  readonly database: number
  /** `connectTimeout` bounds one connection to a Sentinel; otherwise it is that of all links. */
  readonly sentinel?:
    | { readonly master: string; readonly access: Access; readonly connectTimeout?: number | undefined }
    | undefined
  /** Whom namespaces that accept a replica ask: each in turn, or whoever answers a ping first. */
  readonly readFrom: 'master' | 'any' | 'nearest'
  /** Command links to each server. */
  readonly pool: number
  /** Most connections of all kinds to each server, where that is bounded. */
  readonly maxConnections?: number | undefined
  /** Most redirections one call of a cluster follows. */
  readonly maxRedirects: number
  /** What servers call each other, `host:port`, and where this process reaches them. */
  readonly natMap: Readonly<Record<string, string>>
}

export type ServerSettings = NodeSettings & { readonly target: Target }

/** How a server is named to people: never with credentials. */
export function endpointName({ host, port, path }: Address): string {
  return path ?? (host?.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
}

/** Where this process reaches what servers call `host:port`. */
export function reachable(natMap: Target['natMap'], host: string, port: number): Address {
  const mapped = natMap[endpointName({ host, port })] ?? natMap[`${host}:${port}`]
  const [, to, at] = /^\[?(.*?)\]?:(\d+)$/.exec(mapped ?? '') ?? []
  return to && at ? { host: to, port: Number(at) } : { host, port }
}
