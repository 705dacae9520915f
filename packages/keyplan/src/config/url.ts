import { KeyplanError, kindOf } from '../base/error.ts'

/** Where a server listens: a host and port, or the path of a unix socket. */
export type Address =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined }

/** What a Redis URL says. Absent parts are undefined. */
export interface RedisUrl {
  readonly tls: boolean
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly username?: string
  readonly password?: string
  readonly database?: number
  /** The hosts are Sentinels, and this is what they call the master. */
  readonly sentinels?: { readonly master: string; readonly addresses: readonly Address[] }
}

const form = /^(redis|rediss|unix):\/\/(?:(.*)@)?([^@]*)$/s
const redisPort = 6379
const sentinelPort = 26_379

type Invalid = (why: string) => KeyplanError

/**
 * Reads `redis://user:password@host:6379/0`, `rediss://` for TLS, and `unix:///path?db=0`. `?db=` is understood in all.
 * `redis://one:26379,two:26379?sentinelMasterId=main` names Sentinels; user, password and database are the servers'.
 *
 * It is not the URL standard's parser on purpose: that one refuses passwords with `/`, `#` or `?` in them, which is
 * what password generators make, and several hosts. Everything before the last `@` is credentials; `%xx` is decoded
 * where it is well formed.
 *
 * @throws KeyplanError CONFIG_INVALID that never repeats the URL, since it may hold a password
 */
export function parseRedisUrl(url: string, name = 'url'): RedisUrl {
  const invalid: Invalid = why => new KeyplanError('CONFIG_INVALID', `${name} ${why}`)
  if (typeof url !== 'string') throw invalid(`is ${kindOf(url)}; write redis://host:6379`)
  const match = form.exec(url.trim())
  if (!match) throw invalid('does not begin with redis://, rediss:// or unix://')
  const [, scheme, credentials = '', rest = ''] = match
  const colon = credentials.indexOf(':')
  const username = decode(colon < 0 ? credentials : credentials.slice(0, colon))
  const password = colon < 0 ? '' : decode(credentials.slice(colon + 1))
  const [place = '', query = ''] = rest.split('?', 2)
  const asked = new URLSearchParams(query)
  const secrets = { ...(username && { username }), ...(password && { password }) }
  if (scheme === 'unix') {
    if (!place.startsWith('/')) throw invalid('names no absolute socket path; write unix:///path/to/redis.sock')
    return { tls: false, path: place, ...secrets, ...databaseOf(asked.get('db'), invalid) }
  }
  const slash = place.indexOf('/')
  const hosts = (slash < 0 ? place : place.slice(0, slash)).split(',')
  const database = databaseOf((slash < 0 ? '' : place.slice(slash + 1)) || asked.get('db'), invalid)
  const shared = { tls: scheme === 'rediss', ...secrets, ...database }
  const master = asked.get('sentinelMasterId')
  if (master) {
    const addresses = hosts.map(host => hostAndPort(host, sentinelPort, invalid))
    return { ...addresses[0]!, ...shared, sentinels: { master, addresses } }
  }
  if (hosts.length > 1) {
    throw invalid(
      'names several hosts: if they are Sentinels, add ?sentinelMasterId=<name of the master>; ' +
        'if they are nodes of a Cluster, list them in cluster.addresses or REDIS_CLUSTER_NODES',
    )
  }
  return { ...hostAndPort(hosts[0]!, redisPort, invalid), ...shared }
}

/**
 * Reads `host:port`, `[::1]:port`, the path of a socket, or a whole URL.
 *
 * @throws KeyplanError CONFIG_INVALID
 */
export function parseServer(text: string, name: string, port = redisPort): RedisUrl {
  if (text.includes('://')) return parseRedisUrl(text, name)
  if (text.startsWith('/')) return { tls: false, path: text }
  const invalid: Invalid = why => new KeyplanError('CONFIG_INVALID', `${name} ${why}`)
  if (/^:|^$/.test(text)) throw invalid('names no host; write host:6379')
  return { tls: false, ...hostAndPort(text, port, invalid) }
}

function hostAndPort(text: string, otherwise: number, invalid: Invalid): { host: string; port: number } {
  const server = /^(\[[0-9a-fA-F:.]+\]|[^:/[\],\s]*)(?::([^/]*))?$/.exec(text)
  if (!server) throw invalid('has no readable host and port; write host:6379, or [::1]:6379 for IPv6')
  const [, host = '', port] = server
  if (port !== undefined && !isPort(port)) throw invalid('has a port outside 1 to 65535')
  return { host: host.replace(/^\[|\]$/g, '') || '127.0.0.1', port: port === undefined ? otherwise : Number(port) }
}

export function isPort(port: string): boolean {
  return /^\d{1,5}$/.test(port) && Number(port) >= 1 && Number(port) <= 65_535
}

function databaseOf(text: string | null, invalid: Invalid): { database?: number } {
  if (!text) return {}
  if (!/^\d{1,5}$/.test(text)) throw invalid('has a database that is not a number')
  return { database: Number(text) }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    // A raw password with a `%` of its own.
    return text
  }
}

/** Where the server of a URL listens. */
export function addressOf({ host, port, path }: RedisUrl): Address {
  return path === undefined ? { host: host ?? '127.0.0.1', port: port ?? redisPort } : { path }
}
