import type { RedisService } from '../redis/redis-service.ts'

export interface RedisHealth {
  readonly enabled: boolean
  readonly status: 'up' | 'degraded' | 'down'
  readonly mode: 'redis' | 'memory'
  /** The server's own figures, as it spells them. Empty while it cannot be asked. */
  readonly info: Readonly<Record<string, string>>
  /** The same figures as numbers; memory in bytes. */
  readonly figures: Readonly<Record<string, number>>
  /** Why it is down. */
  readonly reason?: string
}

const shown = ['total_commands_processed', 'instantaneous_ops_per_sec', 'used_memory_human', 'connected_clients']
const counted = ['total_commands_processed', 'instantaneous_ops_per_sec', 'used_memory', 'connected_clients']

// Whoever asks for health is answered within half a second, even when Redis says nothing at all.
const patienceMs = 400

function parseInfo(text: string): Map<string, string> {
  return new Map(
    text
      .split('\r\n')
      .filter(line => line.includes(':'))
      .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1)]),
  )
}

export async function checkRedis(redis: RedisService): Promise<RedisHealth> {
  if (!redis.shared) return { enabled: false, status: 'up', mode: 'memory', info: {}, figures: {} }
  try {
    const info = parseInfo(await redis.info(patienceMs))
    return {
      enabled: true,
      status: redis.connected ? 'up' : 'degraded',
      mode: 'redis',
      info: Object.fromEntries(shown.map(name => [name, info.get(name) ?? ''])),
      figures: Object.fromEntries(counted.map(name => [name, Number(info.get(name))])),
    }
  } catch (error) {
    return { enabled: true, status: 'down', mode: 'redis', info: {}, figures: {}, reason: redis.explain(error) }
  }
}
