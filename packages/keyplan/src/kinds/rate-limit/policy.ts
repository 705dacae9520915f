import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'

/**
 * How units are counted. A key that is not used costs nothing with any of them.
 *
 * - `fixed-window`: a window begins with the first unit and allows `limit` until it ends. The cheapest. Up to twice
 *   the limit can pass around the end of a window.
 * - `sliding-window`: two aligned windows, the earlier one weighted by how much of it is still in view. Smooths the
 *   edge of a window: see `slidingWindowResult` for what it promises.
 * - `token-bucket`: up to `burst` at once, refilled evenly by `limit` per `window`.
 */
export type RateLimitAlgorithm = 'fixed-window' | 'sliding-window' | 'token-bucket'

const algorithms: readonly string[] = ['fixed-window', 'sliding-window', 'token-bucket']

/** What a store counts against. All figures are whole numbers. */
export interface RateLimitPolicy {
  readonly algorithm: RateLimitAlgorithm
  /** Units in one window. */
  readonly limit: number
  readonly windowMs: number
  /** What an unused key allows at once: `burst` of a token bucket, else `limit`. */
  readonly capacity: number
}

export interface PolicyOptions {
  /** Units that may be consumed in one window, 1 to 1,000,000,000. */
  limit: number
  window: Duration
  /** Default: `fixed-window`. */
  algorithm?: RateLimitAlgorithm | undefined
  /** Token bucket only: the size of the bucket, which is what may be consumed at once. Default: `limit`. */
  burst?: number | undefined
}

const largest = 1_000_000_000

/**
 * Sliding window and token bucket count in units × milliseconds. A quarter of what a double holds exactly leaves room
 * for the sum of two windows and the cost, so no decision is ever rounded.
 */
const exact = 2 ** 51

/** The policy of a declaration; what is wrong with it is added to `problems`. */
export function policyOf(options: PolicyOptions, problems: string[]): RateLimitPolicy {
  const { algorithm = 'fixed-window', burst } = options
  if (!algorithms.includes(algorithm)) {
    problems.push(`algorithm is ${shown(algorithm)}; use ${algorithms.map(name => `'${name}'`).join(', ')}`)
  }
  const limit = wholeNumber(options.limit, 'limit', problems)
  const windowMs = collect(problems, () => durationMs(options.window, 'window', shown), 1_000)
  if (burst !== undefined && algorithm !== 'token-bucket') {
    problems.push(`burst belongs to the algorithm 'token-bucket'; ${shown(algorithm)} has none`)
  }
  const capacity = burst === undefined ? limit : wholeNumber(burst, 'burst', problems)
  if (algorithm !== 'fixed-window' && Math.max(limit, capacity) * windowMs > exact) {
    problems.push('limit × window is too large to be counted exactly; declare a lower limit or a shorter window')
  }
  return { algorithm, limit, windowMs, capacity }
}

/** The figure itself, or 1 with a problem. */
export function wholeNumber(value: number, name: string, problems: string[]): number {
  if (Number.isInteger(value) && value >= 1 && value <= largest) return value
  problems.push(`${name} is ${shown(value)}; it must be a whole number from 1 to ${largest}`)
  return 1
}

/**
 * What one of several processes may allow by itself so that together they keep to the policy. Never below 1, so that
 * more processes than the limit has units exceed it.
 */
export function shareOf(policy: RateLimitPolicy, instances: number): RateLimitPolicy {
  const share = (figure: number) => Math.max(1, Math.floor(figure / instances))
  return { ...policy, limit: share(policy.limit), capacity: share(policy.capacity) }
}
