import { KeyplanError, kindOf } from '../base/error.ts'

/** What a Redis URL says. Absent parts are undefined. */
export interface RedisUrl {
  readonly tls: boolean
  readonly host?: string
  readonly port?: number
  readonly path?: string
  readonly username?: string
  readonly password?: string
  readonly database?: number
}

const form = /^(redis|rediss|unix):\/\/(?:(.*)@)?([^@]*)$/s

/**
 * Reads `redis://user:password@host:6379/0`, `rediss://` for TLS, and `unix:///path?db=0`. `?db=` is understood in all.
 *
 * It is not the URL standard's parser on purpose: that one refuses passwords with `/`, `#` or `?` in them, which is
 * what password generators make. Everything before the last `@` is credentials; `%xx` is decoded where it is well
 * formed.
 *
 * @throws KeyplanError CONFIG_INVALID that never repeats the URL, since it may hold a password
 */
export function parseRedisUrl(url: string, name = 'url'): RedisUrl {
  const invalid = (why: string) => new KeyplanError('CONFIG_INVALID', `${name} ${why}`)
  if (typeof url !== 'string') throw invalid(`is ${kindOf(url)}; write redis://host:6379`)
  const match = form.exec(url.trim())
  if (!match) throw invalid('does not begin with redis://, rediss:// or unix://')
  const [, scheme, credentials = '', rest = ''] = match
  const colon = credentials.indexOf(':')
  const username = decode(colon < 0 ? credentials : credentials.slice(0, colon))
  const password = colon < 0 ? '' : decode(credentials.slice(colon + 1))
  const [address = '', query = ''] = rest.split('?', 2)
  const asked = new URLSearchParams(query).get('db') ?? ''
  const secrets = { ...(username && { username }), ...(password && { password }) }
  if (scheme === 'unix') {
    if (!address.startsWith('/')) throw invalid('names no absolute socket path; write unix:///path/to/redis.sock')
    return { tls: false, path: address, ...secrets, ...databaseOf(asked, invalid) }
  }
  const server = /^(\[[0-9a-fA-F:.]+\]|[^:/[\],\s]*)(?::([^/]*))?(?:\/(.*))?$/.exec(address)
  if (!server) throw invalid('has no readable host and port; write host:6379, or [::1]:6379 for IPv6')
  const [, host = '', port, database = ''] = server
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535 && /^\d+$/.test(port))) {
    throw invalid('has a port outside 1 to 65535')
  }
  return {
    tls: scheme === 'rediss',
    host: host.replace(/^\[|\]$/g, '') || '127.0.0.1',
    port: port === undefined ? 6379 : Number(port),
    ...secrets,
    ...databaseOf(database || asked, invalid),
  }
}

function databaseOf(text: string, invalid: (why: string) => KeyplanError): { database?: number } {
  if (text === '') return {}
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
