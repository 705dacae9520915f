import type { Script } from './script.ts'

/** Where a server is and how to be let in. */
export interface Endpoint {
  readonly host?: string
  readonly port?: number
  /** Path of a unix socket, in place of host and port. */
  readonly path?: string
  readonly database: number
  readonly username?: string | undefined
  /** Asked anew for each connection, so that a rotated password is picked up. */
  readonly password?: (() => string | Promise<string>) | undefined
  readonly tls?: import('node:tls').ConnectionOptions | undefined
}

/** Times in milliseconds. */
export interface LinkSettings {
  readonly endpoint: Endpoint
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
}

export interface ServerSettings extends LinkSettings {
  /** Reconnect delays grow from `min` to `max`, jittered. */
  readonly backoff: { readonly min: number; readonly max: number }
  /** Most calls, and bytes of their arguments, that wait for a link that is down. */
  readonly waiting: { readonly calls: number; readonly bytes: number }
  /**
   * A command that waits for data blocks on the server for at most this long before it is sent again: a link that fell
   * silent is found after this and the stall. Default 3,000.
   */
  readonly slice?: number
}

/** How a server is named to people: never with credentials. */
export function endpointName({ host, port, path }: Endpoint): string {
  return path ?? (host?.includes(':') ? `[${host}]:${port}` : `${host}:${port}`)
}
