import { isKeyplanError } from 'keyplan'
import { type Client, connect } from 'keyplan/client'
import { loadConfiguration } from 'keyplan/config'
import plan from '../kushim.plan.ts'
import type { Log } from '../log.ts'

export type KushimRedis = Client<(typeof plan)['namespaces']>

/** The connection to Redis, or its stand-in in this process, and what the rest needs to know of it. */
export interface RedisService {
  readonly client: KushimRedis
  /** A server is configured, so other instances see the same cache. */
  readonly shared: boolean
  readonly connected: boolean
  /** Tells when Redis can be asked again, and when it no longer can. */
  onLink(listener: (connected: boolean) => void): void
  /** Why something failed, for the log. */
  explain(error: unknown): string
  close(): Promise<void>
}

/** `ECONNREFUSED` and its like, where the system gave one. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? message
}

/**
 * Connects to what the environment and `.env` name: a server, Sentinels or a Cluster, with TLS or without.
 *
 * @throws KeyplanError CONFIG_INVALID or AUTH_FAILED; a server that is away only makes the start degraded
 */
export async function startRedisService(log: Log): Promise<RedisService> {
  // A request is to be answered in under 2 s with Redis dying under it, and asks Redis up to three times in a row.
  const client = await connect(plan, {
    envFile: true,
    attempt: '300ms',
    deadline: '400ms',
    stall: '500ms',
    pingEvery: '1s',
    backoff: { max: '1s' },
    // What happens to the link is said below, in the words of this application.
    log: () => {},
  })
  const { warnings } = await loadConfiguration({ file: false, envFile: true })
  for (const warning of warnings) log(`[RedisService] ${warning}`)
  const shared = client.$status.state !== 'memory'
  const listeners: ((connected: boolean) => void)[] = []
  const link = (connected: boolean) => {
    for (const listener of listeners) listener(connected)
  }

  let failed = false
  const sayConnected = () => {
    failed = false
    log('[RedisService] Redis connected successfully')
  }
  /** Once an outage, however many attempts it takes. */
  const sayFailed = (error: unknown) => {
    if (!failed) log(`[RedisService] Failed to connect to Redis: ${reason(error)}`)
    failed = true
  }
  if (!shared) log('[RedisService] Redis not configured - caching and locking in this process only')
  else if (client.$status.state === 'connected') sayConnected()
  else sayFailed(client.$status.error)
  client.$on('connected', () => {
    sayConnected()
    link(true)
  })
  client.$on('unreachable', ({ error }) => sayFailed(error))
  client.$on('reconnecting', () => link(false))
  client.$on('breaker', ({ state }) => link(state === 'closed'))
  client.$on('degraded', () => link(false))

  return {
    client,
    shared,
    get connected() {
      return client.$status.state === 'connected'
    },
    onLink: listener => {
      listeners.push(listener)
    },
    explain: error => (isKeyplanError(error) ? error.message : reason(error)),
    close: () => client.$close(),
  }
}
