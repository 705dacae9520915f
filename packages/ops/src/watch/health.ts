import { type Duration, isKeyplanError } from 'keyplan'
import type { ClientVerbs } from 'keyplan/client'
import { infoNumber, parseInfo } from '../server/info.ts'

/** Whether Redis serves the application right now. Holds no secrets and no keys. */
export interface RedisHealth {
  /**
   * - `up`: it answers, and calls go through.
   * - `degraded`: it answers, but the circuit breaker still keeps calls away.
   * - `down`: it does not answer.
   */
  readonly status: 'up' | 'degraded' | 'down'
  /** Whether a server is configured. Without one the application runs in memory, and that is `up`. */
  readonly enabled: boolean
  readonly mode: 'redis' | 'memory'
  /** The server's figures as it spells them. Empty while it does not answer. */
  readonly info: Readonly<Record<string, string>>
  /** The same as numbers, sizes in bytes; what the server did not say is left out. */
  readonly figures: Readonly<Record<string, number>>
  /** Round trip of the question, in milliseconds. */
  readonly latencyMs?: number
  /** Why it is not up. */
  readonly reason?: string
}

const spelled = ['total_commands_processed', 'instantaneous_ops_per_sec', 'used_memory_human', 'connected_clients']
const counted = [
  'total_commands_processed',
  'instantaneous_ops_per_sec',
  'used_memory',
  'maxmemory',
  'connected_clients',
  'maxclients',
]

export interface HealthOptions {
  /** The longest to wait for the server's answer. Default: 400ms, so that a probe of 500 ms gets one. */
  patience?: Duration
}

/** Asks the server for its figures: an answer to INFO shows more than PONG does, and is one round trip as well. */
export async function redisHealth(
  client: Pick<ClientVerbs, '$status' | '$command'>,
  { patience = '400ms' }: HealthOptions = {},
): Promise<RedisHealth> {
  if (client.$status.state === 'memory') return { status: 'up', enabled: false, mode: 'memory', info: {}, figures: {} }
  const configured = { enabled: true, mode: 'redis' } as const
  const down = (reason: string): RedisHealth => ({ status: 'down', ...configured, info: {}, figures: {}, reason })
  // A link that is known to be gone need not be waited for.
  const { state, error } = client.$status
  if (state !== 'connected' && state !== 'degraded') return down(error?.message ?? `the connection is ${state}`)
  const asked = performance.now()
  try {
    const info = parseInfo(String(await client.$command('INFO', [], { deadline: patience })))
    const latencyMs = Math.round((performance.now() - asked) * 1000) / 1000
    const degraded = client.$status.state !== 'connected'
    return {
      status: degraded ? 'degraded' : 'up',
      ...configured,
      info: pick(spelled, field => info.get(field)),
      figures: pick(counted, field => infoNumber(info, field)),
      latencyMs,
      ...(degraded && { reason: 'the circuit breaker is not closed yet' }),
    }
  } catch (failure) {
    if (!isKeyplanError(failure)) throw failure
    return down(failure.message)
  }
}

function pick<T>(fields: readonly string[], read: (field: string) => T | undefined): Record<string, T> {
  const picked: Record<string, T> = {}
  for (const field of fields) {
    const value = read(field)
    if (value !== undefined) picked[field] = value
  }
  return picked
}
