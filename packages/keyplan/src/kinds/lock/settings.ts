import type { RetrySettings } from '../../mechanisms/lease/patience.ts'

/** The options with their defaults, in milliseconds. */
export interface LockSettings {
  readonly ttlMs: number
  readonly retry: RetrySettings | undefined
  readonly renew: boolean
}
