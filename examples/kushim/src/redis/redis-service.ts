import { isKeyplanError } from 'keyplan'
import { type Client, connect } from 'keyplan/client'
import plan from '../kushim.plan.ts'
import type { Log } from '../log.ts'

export type KushimRedis = Client<(typeof plan)['namespaces']>

/** The connection to Redis, or its stand-in in this process, and what the rest needs to know of it. */
export interface RedisService {
  readonly client: KushimRedis
  /** A server is configured, so other instances see the same cache. */
  readonly shared: boolean
  readonly connected: boolean
  /** Whether it can be asked; where a breaker only waits for proof of that, gives it. */
  reach(): Promise<boolean>
  /** Grows with every moment from which on an invalidation may not have been carried out. */
  readonly outages: number
  /** Tells when Redis can be asked again, and when it no longer can. */
  onLink(listener: (connected: boolean) => void): void
  /** What the server says of itself, within `deadlineMs`. @throws KeyplanError */
  info(deadlineMs: number): Promise<string>
  /** Why something failed, for the log. */
  explain(error: unknown): string
  close(): Promise<void>
}

/** `ECONNREFUSED` and its like, where the system gave one. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return /\bE[A-Z]{4,}\b/.exec(message)?.[0] ?? message
}

/** @throws KeyplanError CONFIG_INVALID or AUTH_FAILED; a server that is away only makes the start degraded */
export async function startRedisService(url: string | undefined, log: Log): Promise<RedisService> {
  // A request is to be answered in under 2 s with Redis dying under it, and asks Redis up to three times in a row.
  const client = await connect(plan, {
    ...(url ? { url } : { memory: true }),
    attempt: '300ms',
    deadline: '400ms',
    stall: '500ms',
    pingEvery: '1s',
    backoff: { max: '1s' },
    log: () => {},
  })
  const shared = client.$status.state !== 'memory'
  const listeners: ((connected: boolean) => void)[] = []
  let outages = 0
  const link = (connected: boolean) => {
    if (!connected) outages++
    for (const listener of listeners) listener(connected)
  }

  const sayConnected = () => log('[RedisService] Redis connected successfully')
  const sayFailed = (error: unknown) => log(`[RedisService] Failed to connect to Redis: ${reason(error)}`)
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
    async reach() {
      for (let probes = 0; probes < 3 && client.$status.state === 'degraded'; probes++) {
        await client.$command('PING').catch(() => {})
      }
      return client.$status.state === 'connected'
    },
    get outages() {
      return outages
    },
    onLink: listener => {
      listeners.push(listener)
    },
    async info(deadlineMs) {
      const { state, error } = client.$status
      if (state !== 'connected' && state !== 'degraded') throw error ?? new Error(`Redis is ${state}`)
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${deadlineMs} ms`)), deadlineMs)
      })
      try {
        return String(await Promise.race([client.$command('INFO'), late]))
      } finally {
        clearTimeout(timer)
      }
    },
    explain: error => (isKeyplanError(error) ? error.message : reason(error)),
    close: () => client.$close(),
  }
}
