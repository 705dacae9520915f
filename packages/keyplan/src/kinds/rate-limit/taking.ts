import type { RateLimitResult } from './contract.ts'

/** What an algorithm makes of one request in process. */
export interface Taking<Entry extends { readonly until: number }> {
  readonly result: RateLimitResult
  /** What to keep in place of the entry before; undefined when nothing changed. At `until` it is as if never used. */
  readonly entry: Entry | undefined
}
