import { durationMs } from '../base/duration.ts'
import { sizeBytes } from '../base/size.ts'
import type { Layer } from './layer.ts'

/** How patient to be with servers. Times in milliseconds. */
export interface Patience {
  readonly connectTimeout: number
  readonly attempt: number
  readonly deadline: number
  readonly stall: number
  readonly pingEvery: number
  readonly backoff: { readonly min: number; readonly max: number }
  readonly retry: {
    /** Most tries after the first; undefined: as many as the deadline allows. */
    readonly attempts: number | undefined
    readonly delay: number
  }
  readonly breaker: {
    /** Infinity where it is switched off. */
    readonly failures: number
    readonly successes: number
    readonly probeEvery: number
  }
  readonly waiting: { readonly calls: number; readonly bytes: number }
  /** Most commands without an answer. */
  readonly inFlight: number
  /** Most commands that leave in one flush. */
  readonly flush: number
  /** How often the health loop looks. It has nothing to do with the ping of a link. */
  readonly healthInterval: number
}

export function patienceOf(layer: Layer, warnings: string[]): Patience {
  const time = (path: TimePath, otherwise: Parameters<typeof durationMs>[0]) =>
    layer.get(path)?.value ?? durationMs(otherwise)
  const [call, socket] = [layer.get('redis.timeouts.call'), layer.get('redis.timeouts.socket')]
  if (call && socket && call.value !== socket.value) {
    warnings.push(`${call.source} and ${socket.source} disagree: the deadline of a call is that of ${call.source}`)
  }
  const deadline = call?.value ?? longestWait(layer) ?? durationMs('5s')
  return {
    connectTimeout: time('redis.timeouts.connect', '5s'),
    attempt: layer.get('redis.timeouts.attempt')?.value ?? Math.min(durationMs('1s'), deadline),
    deadline,
    stall: time('redis.timeouts.stall', '1s'),
    pingEvery: time('redis.timeouts.ping_every', '3s'),
    backoff: { min: time('redis.backoff.min', '50ms'), max: time('redis.backoff.max', '2s') },
    retry: {
      attempts: layer.get('redis.pool.max_retries')?.value,
      delay: time('redis.pool.retry_backoff', '25ms'),
    },
    breaker: {
      failures:
        layer.get('redis.circuit_breaker.enabled')?.value === false
          ? Number.POSITIVE_INFINITY
          : (layer.get('redis.circuit_breaker.failure_threshold')?.value ?? 5),
      successes: layer.get('redis.circuit_breaker.success_threshold')?.value ?? 2,
      probeEvery: time('redis.circuit_breaker.timeout', '30s'),
    },
    waiting: {
      calls: layer.get('redis.waiting.calls')?.value ?? (layer.get('redis.offline_queue')?.value === false ? 0 : 1_000),
      bytes: layer.get('redis.waiting.bytes')?.value ?? sizeBytes('16mb'),
    },
    inFlight: layer.get('redis.waiting.in_flight')?.value ?? 10_000,
    flush: layer.get('redis.pipeline.max_commands')?.value ?? 100,
    healthInterval: time('redis.health.interval', '30s'),
  }
}

type TimePath =
  | `redis.timeouts.${'connect' | 'stall' | 'ping_every'}`
  | `redis.backoff.${'min' | 'max'}`
  | 'redis.pool.retry_backoff'
  | 'redis.circuit_breaker.timeout'
  | 'redis.health.interval'

/** A call is one exchange here, so the larger of its two halves bounds it. */
function longestWait(layer: Layer): number | undefined {
  const paths = ['redis.timeouts.read', 'redis.timeouts.write', 'redis.timeouts.socket'] as const
  const waits = paths.flatMap(path => layer.get(path)?.value ?? [])
  return waits.length > 0 ? Math.max(...waits) : undefined
}
