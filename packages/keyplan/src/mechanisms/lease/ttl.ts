import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'

/** Below this a renewal cannot be confirmed in time; above it a crashed holder blocks the others for too long. */
const shortestTtl = 100
const longestTtl = 604_800_000

/**
 * @param noun what lives so long, for the error
 * @throws KeyplanError PARAM_INVALID
 */
export function ttlOf(ttl: Duration, noun: string): number {
  const ms = durationMs(ttl, 'ttl', shown)
  if (ms >= shortestTtl && ms <= longestTtl) return ms
  throw new KeyplanError(
    'PARAM_INVALID',
    `ttl is ${ttl}; a ${noun} lives for 100ms to 7d, and is renewed while it is held`,
  )
}
