/** Lines of redis.conf by directive. A list repeats the directive. Values are written as given, so quote as in redis.conf. */
export type Directives = Readonly<Record<string, string | number | readonly (string | number)[]>>

export interface RedisOptions {
  /** A port of 127.0.0.1. Default: a free one, never 6379. */
  port?: number
  /** Listen on a unix socket instead of a port: `true` for one in `dir`, or its path. Default false. */
  socket?: boolean | string
  /** Holds the data, the configuration and the log, and is kept. Default: a new temporary folder, removed by `cleanUp`. */
  dir?: string
  /** Asked of every client. Default: none. */
  password?: string
  /** Keeps the data over a kill: an append-only file, synced as `appendfsync` says. Default false. */
  appendonly?: boolean
  /** Further directives of redis.conf, e.g. `{ maxmemory: '10mb' }`. */
  args?: Directives
  /** A name on the PATH or a path. Default `redis-server`. */
  binary?: string
  /** How long a start may take, in milliseconds; loading a large data set counts. Default 15000. */
  readyWithin?: number
}

/** What the options of {@link RedisOptions} decide, with the option to use. */
const owned: Readonly<Record<string, string>> = {
  port: 'port',
  bind: 'port',
  unixsocket: 'socket',
  dir: 'dir',
  requirepass: 'password',
  appendonly: 'appendonly',
  logfile: 'dir',
  daemonize: 'binary',
}

/** The text of redis.conf: loopback only, nothing saved unless asked for. Throws on a directive that cannot be given. */
export function redisConfiguration(
  options: RedisOptions,
  place: { port: number; socketPath: string | undefined; dir: string },
): string {
  const directives: Record<string, Directives[string]> = {
    bind: '127.0.0.1',
    'protected-mode': 'yes',
    port: place.port,
    dir: quoted(place.dir),
    daemonize: 'no',
    logfile: '""',
    save: '""',
    appendonly: options.appendonly ? 'yes' : 'no',
  }
  if (place.socketPath !== undefined) {
    directives.unixsocket = quoted(place.socketPath)
    directives.unixsocketperm = 700
  }
  if (options.password !== undefined) directives.requirepass = quoted(options.password)

  for (const [name, value] of Object.entries(options.args ?? {})) {
    const directive = name.toLowerCase()
    const option = owned[directive]
    if (option !== undefined) {
      throw new Error(`args may not hold the directive "${directive}": use the option "${option}" of startRedis`)
    }
    if ([name, value].flat().some(text => /[\r\n\0]/.test(String(text)))) {
      throw new Error('a directive in args holds a line break: give one directive a line as a property of its own')
    }
    directives[directive] = value
  }
  return Object.entries(directives)
    .flatMap(([name, value]) => [value].flat().map(one => `${name} ${one}\n`))
    .join('')
}

/** A value in the quoting of redis.conf, which leaves no character with a meaning of its own. */
function quoted(value: string): string {
  const escaped = value.replace(/["\\\p{Cc}]/gu, char =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
  return `"${escaped}"`
}
