import { type ServerTls, type TlsOptions, tlsDirectives } from '../tls/server-tls.ts'
import { type AclUser, userLines } from './acl-user.ts'
import { quoted } from './quoted.ts'

/** Lines of redis.conf by directive. A list repeats the directive. Values are written as given, so quote as in redis.conf. */
export type Directives = Readonly<Record<string, string | number | readonly (string | number)[]>>

/** What every server of a topology can be given. */
export interface ServerOptions {
  /** Asked of every client. Default: none. */
  password?: string
  /** Users beside the default one. */
  users?: readonly AclUser[]
  /** TLS instead of plain connections. Default: none. */
  tls?: boolean | TlsOptions
  /** Keeps the data over a kill: an append-only file, synced as `appendfsync` says. Default false. */
  appendonly?: boolean
  /** Further directives of redis.conf, e.g. `{ maxmemory: '10mb' }`. */
  args?: Directives
  /**
   * Puts a fault proxy before the server, and its port into the URL. `true` spares what servers say to each other,
   * except on systems other than Linux; `'everyone'` does not. Default false.
   */
  proxied?: boolean | 'everyone'
  /** A name on the PATH or a path. Default `redis-server`. */
  binary?: string
  /** How long a start may take, in milliseconds; loading a large data set counts. Default 15000. */
  readyWithin?: number
}

export interface RedisOptions extends ServerOptions {
  /** A port of 127.0.0.1. Default: a free one, never 6379. */
  port?: number
  /** Listen on a unix socket instead of a port: `true` for one in `dir`, or its path. Default false. */
  socket?: boolean | string
  /** Holds the data, the configuration and the log, and is kept. Default: a new temporary folder, removed by `cleanUp`. */
  dir?: string
}

/** What the options of {@link RedisOptions} decide, with the option to use. */
const owned: Readonly<Record<string, string>> = {
  port: 'port',
  bind: 'port',
  unixsocket: 'socket',
  dir: 'dir',
  requirepass: 'password',
  masterauth: 'password',
  user: 'users',
  aclfile: 'users',
  appendonly: 'appendonly',
  logfile: 'dir',
  daemonize: 'binary',
  'tls-port': 'tls',
  'tls-cert-file': 'tls',
  'tls-key-file': 'tls',
  'tls-ca-cert-file': 'tls',
  'tls-auth-clients': 'tls',
}

/** Where the server is and what it is. */
export interface Place {
  readonly port: number
  readonly socketPath: string | undefined
  /** Holds the data. */
  readonly dataDir: string
  readonly tls: ServerTls | undefined
}

/** A server that holds data, or a Sentinel. */
export type Role = 'data' | 'sentinel'

/**
 * The text of redis.conf: loopback only, nothing saved unless asked for.
 *
 * @param further Lines of a topology; those of `options.args` come behind them and win.
 * @throws Error on a directive that cannot be given.
 */
export function redisConfiguration(options: RedisOptions, place: Place, role: Role, further: Directives): string {
  const directives: Record<string, Directives[string]> = {
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    port: place.tls === undefined ? place.port : 0,
    dir: quoted(place.dataDir),
    daemonize: 'no',
    logfile: '""',
  }
  if (place.tls !== undefined) Object.assign(directives, { 'tls-port': place.port }, tlsDirectives(place.tls, quoted))
  if (place.socketPath !== undefined) {
    directives.unixsocket = quoted(place.socketPath)
    directives.unixsocketperm = 700
  }
  if (options.password !== undefined) directives.requirepass = quoted(options.password)
  if (role === 'data') Object.assign(directives, { save: '""', appendonly: options.appendonly ? 'yes' : 'no' })
  const users = userLines(options.users ?? [])
  if (users.length > 0) directives.user = users
  Object.assign(directives, further)

  for (const [name, value] of Object.entries(options.args ?? {})) {
    const directive = name.toLowerCase()
    const option = owned[directive]
    if (option !== undefined)
      throw new Error(`args may not hold the directive "${directive}": use the option "${option}"`)
    if ([name, value].flat().some(text => /[\r\n\0]/.test(String(text)))) {
      throw new Error('a directive in args holds a line break: give one directive a line as a property of its own')
    }
    directives[directive] = value
  }
  return Object.entries(directives)
    .flatMap(([name, value]) => [value].flat().map(one => `${name} ${one}\n`))
    .join('')
}

/** What the server says with the secrets of its configuration left out: a faulty line is quoted in its log. */
export function withoutSecrets(log: string): string {
  return log.replace(/(requirepass|masterauth|(?<=')user \S+|sentinel (?:auth|sentinel)-pass) .*/g, '$1 ***')
}
