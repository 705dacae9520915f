import { KeyplanError, shown } from '../../base/error.ts'
import type { RetrySettings } from '../../mechanisms/lease/patience.ts'

/** The options with their defaults, in milliseconds. */
export interface SemaphoreSettings {
  readonly permits: number
  readonly ttlMs: number
  readonly retry: RetrySettings | undefined
  readonly renew: boolean
}

/** Each permit that is held is an entry on the server, and one acquisition writes all of its own in one step. */
const mostPermits = 1_000

/** @throws KeyplanError PARAM_INVALID */
export function permitsOf(permits: unknown): number {
  if (Number.isSafeInteger(permits) && (permits as number) >= 1 && (permits as number) <= mostPermits) {
    return permits as number
  }
  throw new KeyplanError(
    'PARAM_INVALID',
    `permits is ${shown(permits)}; it must be a whole number from 1 to ${mostPermits}`,
  )
}
