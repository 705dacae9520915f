import { type Duration, durationMs } from '../base/duration.ts'
import { isKeyplanError, KeyplanError, kindOf } from '../base/error.ts'
import { type Size, sizeBytes } from '../base/size.ts'
import { optionProblems } from './option-problems.ts'
import type { ConnectOptions } from './options.ts'
import { parseRedisUrl, type RedisUrl } from './url.ts'

/** Connect options with every default filled in; times in milliseconds. */
export interface Settings {
  /** Undefined in memory mode. */
  readonly server: (RedisUrl & { readonly tlsOptions: ConnectOptions['tls'] }) | undefined
  readonly password: (() => string | Promise<string>) | undefined
  readonly prefix: string | undefined
  readonly start: 'optional' | 'required'
  readonly connectTimeout: number
  readonly attempt: number
  readonly deadline: number
  readonly stall: number
  readonly pingEvery: number
  readonly backoff: { readonly min: number; readonly max: number }
  readonly breaker: { readonly failures: number; readonly successes: number; readonly probeEvery: number }
  readonly waiting: { readonly calls: number; readonly bytes: number }
}

/**
 * @throws KeyplanError CONFIG_INVALID with every problem at once, before anything is opened
 */
export function resolveSettings(options: ConnectOptions, env: NodeJS.ProcessEnv): Settings {
  if (typeof options !== 'object' || options === null) {
    throw new KeyplanError('CONFIG_INVALID', `options is ${kindOf(options)}; write an object such as { url }`)
  }
  const problems = optionProblems(options)
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read()
    } catch (error) {
      if (!isKeyplanError(error)) throw error
      problems.push(error.message)
      return otherwise
    }
  }
  const time = (value: Duration | undefined, fallback: Duration, name: string) =>
    attempt(() => durationMs(value === undefined ? fallback : value, name), 0)
  const count = (value: number | undefined, fallback: number, name: string) => {
    if (value === undefined) return fallback
    if (!Number.isSafeInteger(value) || value < 1) {
      const given = typeof value === 'number' ? value : kindOf(value)
      problems.push(`${name} is ${given}; write a whole number from 1 up`)
    }
    return value
  }

  const url = serverUrl(options, env)
  const server = attempt(() => url && parseRedisUrl(url.value, url.name), undefined)
  if (options.url && options.memory === true) {
    problems.push('url names a server and memory asks for none: leave one of them out')
  }
  if (!url && options.memory !== true && env.NODE_ENV === 'production') {
    problems.push('no server is configured: set url or REDIS_URL, or write memory: true to run in this process alone')
  }
  const { backoff, breaker, waiting } = options
  // An empty password is one that was not set.
  const password = options.password || server?.password
  const settings: Settings = {
    server: server && { ...server, tlsOptions: options.tls ?? (server.tls ? {} : undefined) },
    password: typeof password === 'string' ? () => password : password,
    prefix: options.prefix,
    start: options.start ?? 'optional',
    connectTimeout: time(options.connectTimeout, '5s', 'connectTimeout'),
    attempt: time(options.attempt, '1s', 'attempt'),
    deadline: time(options.deadline, '5s', 'deadline'),
    stall: time(options.stall, '1s', 'stall'),
    pingEvery: time(options.pingEvery, '3s', 'pingEvery'),
    backoff: { min: time(backoff?.min, '50ms', 'backoff.min'), max: time(backoff?.max, '2s', 'backoff.max') },
    breaker: {
      failures: count(breaker?.failures, 5, 'breaker.failures'),
      successes: count(breaker?.successes, 2, 'breaker.successes'),
      probeEvery: time(breaker?.probeEvery, '30s', 'breaker.probeEvery'),
    },
    waiting: {
      calls: count(waiting?.calls, 1_000, 'waiting.calls'),
      bytes: attempt(() => sizeBytes(waiting?.bytes ?? ('16mb' as Size), 'waiting.bytes'), 0),
    },
  }
  if (problems.length === 0 && settings.backoff.min > settings.backoff.max) {
    problems.push('backoff.min is longer than backoff.max')
  }
  if (problems.length > 0) {
    throw new KeyplanError('CONFIG_INVALID', `cannot connect: ${problems.join('; ')}`, { problems })
  }
  return settings
}

/** An empty text counts as unset; one of the wrong kind is a problem already. */
function serverUrl(options: ConnectOptions, env: NodeJS.ProcessEnv): { value: string; name: string } | undefined {
  if (options.memory === true) return undefined
  if (typeof options.url === 'string' && options.url.trim()) return { value: options.url, name: 'url' }
  if (env.REDIS_URL?.trim()) return { value: env.REDIS_URL, name: 'REDIS_URL' }
  return undefined
}
