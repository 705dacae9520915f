import { KeyplanError, shown } from '../../base/error.ts'
import { amountFrom, hasBurst, largest, type RateLimitPolicy, wholeSteps } from './policy.ts'

/**
 * The steps of a cost.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function costIn(cost: number, { capacity, algorithm, scale }: RateLimitPolicy): number {
  const steps = wholeSteps(cost, scale)
  if (steps !== undefined && steps >= 0 && steps <= capacity) return steps
  const most = `the ${hasBurst(algorithm) ? 'burst' : 'limit'}, ${capacity / scale}`
  const hint = Number.isFinite(cost) && cost * scale > capacity ? ', so more can never be allowed' : ''
  throw invalid(`cost is ${shown(cost)}; it must be ${amountFrom(0, scale)} to ${most}${hint}`)
}

/**
 * The steps of a penalty or a reward.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function amountIn(units: number, { scale }: RateLimitPolicy, what: string): number {
  const steps = wholeSteps(units, scale)
  if (steps !== undefined && steps > 0 && steps <= largest) return steps
  throw invalid(`${what} is of ${shown(units)} units; give ${amountFrom(1 / scale, scale)} to ${largest / scale}`)
}

export const invalid = (message: string) => new KeyplanError('PARAM_INVALID', message)
