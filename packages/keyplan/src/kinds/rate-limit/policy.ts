import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import { mostExact } from './algorithm.ts'
import type { BlockPolicy } from './block-policy.ts'

/**
 * How units are counted. A key that is not used costs nothing with any of them.
 *
 * - `fixed-window`: a window begins with the first unit and allows `limit` until it ends. The cheapest. Up to twice
 *   the limit can pass around the end of a window.
 * - `sliding-window`: two aligned windows, the earlier one weighted by how much of it is still in view. Smooths the
 *   edge of a window: see `slidingWindow` for what it promises.
 * - `sliding-log`: every taking is remembered for one window. Exact, and the only one whose memory grows with use.
 * - `token-bucket`: up to `burst` at once, refilled evenly by `limit` per `window`.
 * - `gcra`: the same promise from a single moment; a `burst` of 1 spaces calls evenly.
 */
export type RateLimitAlgorithm = 'fixed-window' | 'sliding-window' | 'sliding-log' | 'token-bucket' | 'gcra'

/** Those whose `burst` may differ from the limit, and those that count in units × milliseconds. */
const bursting: readonly string[] = ['token-bucket', 'gcra']
const weighing: readonly string[] = [...bursting, 'sliding-window']
const names: readonly string[] = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket', 'gcra']

export const hasBurst = (algorithm: RateLimitAlgorithm) => bursting.includes(algorithm)

/** What a store counts against. All figures are whole numbers; amounts are steps, units × `scale`. */
export interface RateLimitPolicy {
  readonly algorithm: RateLimitAlgorithm
  /** Steps in one window. */
  readonly limit: number
  readonly windowMs: number
  /** What an unused key allows at once: `burst` of a bucket, else `limit`. */
  readonly capacity: number
  /** Steps of one unit: 10 for each decimal place. */
  readonly scale: number
  readonly block?: BlockPolicy | undefined
}

export interface PolicyOptions {
  /** Units that may be consumed in one window: above 0, at most 1,000,000,000 (÷ 10 for each decimal place). */
  limit: number
  window: Duration
  /** Default: `fixed-window`. */
  algorithm?: RateLimitAlgorithm | undefined
  /** `token-bucket` and `gcra` only: what an unused key allows at once. Default: `limit`. */
  burst?: number | undefined
}

/** Most steps of a limit, or of one call. */
export const largest = 1_000_000_000

/** The policy of a declaration; what is wrong with it is added to `problems`. */
export function policyOf(
  options: PolicyOptions,
  problems: string[],
  { scale, block }: Pick<RateLimitPolicy, 'scale' | 'block'> = { scale: 1 },
): RateLimitPolicy {
  const { algorithm = 'fixed-window', burst } = options
  if (!names.includes(algorithm)) {
    problems.push(
      `algorithm is ${shown(algorithm)}; use ${[...names, 'concurrency'].map(name => `'${name}'`).join(', ')}`,
    )
  }
  const limit = stepsOf(options.limit, 'limit', scale, problems)
  const windowMs = collect(problems, () => durationMs(options.window, 'window', shown), 1_000)
  if (burst !== undefined && !hasBurst(algorithm)) {
    problems.push(`burst belongs to the algorithms 'token-bucket' and 'gcra'; ${shown(algorithm)} has none`)
  }
  const capacity = burst === undefined ? limit : stepsOf(burst, 'burst', scale, problems)
  const policy = { algorithm, limit, windowMs, capacity, scale, block }
  if (!isExact(policy)) {
    problems.push('limit × window is too large to be counted exactly; declare a lower limit or a shorter window')
  }
  return policy
}

export const isExact = ({ algorithm, limit, capacity, windowMs }: RateLimitPolicy) =>
  !weighing.includes(algorithm) || Math.max(limit, capacity) * windowMs <= mostExact

/** The steps of so many units, or 1 with a problem. */
function stepsOf(units: number, name: string, scale: number, problems: string[]): number {
  const steps = wholeSteps(units, scale)
  if (steps !== undefined && steps >= 1 && steps <= largest) return steps
  problems.push(`${name} is ${shown(units)}; it must be ${amountFrom(1 / scale, scale)} to ${largest / scale}`)
  return 1
}

/** `a whole number from 1`, or what it is with decimals. */
export function amountFrom(least: number, scale: number): string {
  const places = Math.round(Math.log10(scale))
  return `${places === 0 ? 'a whole number' : `a number of at most ${places} decimal places`} from ${least}`
}

/** Undefined when it is no number, or has more decimal places than are declared. */
export function wholeSteps(units: unknown, scale: number): number | undefined {
  if (typeof units !== 'number' || !Number.isFinite(units)) return undefined
  const steps = Math.round(units * scale)
  // 0.29 × 100 is 28.999999999999996: what is within a rounding of a step is that step.
  return Math.abs(steps - units * scale) <= Math.abs(steps) * 1e-12 ? steps : undefined
}

/** The figure itself, or 1 with a problem. */
export function wholeNumber(value: number, name: string, problems: string[]): number {
  if (Number.isInteger(value) && value >= 1 && value <= largest) return value
  problems.push(`${name} is ${shown(value)}; it must be a whole number from 1 to ${largest}`)
  return 1
}

/**
 * What one of several processes may allow by itself so that together they keep to the policy. Never below one step, so
 * that more processes than the limit has exceed it.
 */
export function shareOf(policy: RateLimitPolicy, instances: number): RateLimitPolicy {
  if (instances <= 1) return policy
  const share = (figure: number) => Math.max(1, Math.floor(figure / instances))
  return { ...policy, limit: share(policy.limit), capacity: share(policy.capacity) }
}
