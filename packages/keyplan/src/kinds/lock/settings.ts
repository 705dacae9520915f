import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, shown } from '../../base/error.ts'

/** How often a lock is asked for before giving up. */
export interface LockRetry {
  /** Default: 3. */
  attempts?: number | undefined
  /** Between two of them. Default: 200 ms. */
  delay?: Duration | undefined
}

/** The options with their defaults, in milliseconds. */
export interface LockSettings {
  readonly ttlMs: number
  readonly retry: { readonly attempts: number; readonly delayMs: number } | undefined
  readonly renew: boolean
}

/** Below this a renewal cannot be confirmed in time; above it a crashed holder blocks the others for too long. */
const shortestTtl = 100
const longestTtl = 604_800_000

/** @throws KeyplanError PARAM_INVALID */
export function ttlOf(ttl: Duration): number {
  const ms = durationMs(ttl, 'ttl', shown)
  if (ms >= shortestTtl && ms <= longestTtl) return ms
  throw new KeyplanError(
    'PARAM_INVALID',
    `ttl is ${ttl}; a lock lives for 100ms to 7d, and is renewed while it is held`,
  )
}

/**
 * @param path stands before the name of each, for the error
 * @throws KeyplanError PARAM_INVALID
 */
export function retryOf({ attempts = 3, delay = '200ms' }: LockRetry, path = ''): NonNullable<LockSettings['retry']> {
  if (!Number.isSafeInteger(attempts) || attempts < 1) {
    throw new KeyplanError('PARAM_INVALID', `${path}attempts is ${shown(attempts)}; it must be a whole number from 1`)
  }
  return { attempts, delayMs: durationMs(delay, `${path}delay`, shown) }
}
