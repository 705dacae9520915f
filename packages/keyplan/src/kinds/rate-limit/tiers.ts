import { kindOf } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { hasBurst, isExact, policyOf, type RateLimitPolicy } from './policy.ts'

/** What a tier, or one call, changes of the declared limits. */
export interface LimitOverride {
  /** Units in one window; of several limits one figure for each, in order. */
  limit?: number | readonly number[]
  /** `token-bucket` and `gcra` only. Default: the limit. */
  burst?: number
}

/** The policies of each tier. */
export function tiersOf(tiers: unknown, policies: readonly RateLimitPolicy[], problems: string[]) {
  const found = new Map<string, readonly RateLimitPolicy[]>()
  if (tiers === undefined) return found
  if (typeof tiers !== 'object' || tiers === null || Array.isArray(tiers)) {
    problems.push(`tiers is ${kindOf(tiers)}; write an object such as { free: { limit: 10 }, pro: { limit: 1000 } }`)
    return found
  }
  for (const [name, override] of Object.entries(tiers)) {
    const wrong: string[] = []
    found.set(name, overridden(policies, override, wrong))
    problems.push(...wrong.map(problem => `tiers.${name}: ${problem}`))
  }
  return found
}

/** The policies with other limits; what is wrong with those is added to `problems`. */
export function overridden(
  policies: readonly RateLimitPolicy[],
  override: LimitOverride,
  problems: string[],
): readonly RateLimitPolicy[] {
  problems.push(...groupProblems(override, '', ['limit', 'burst']))
  if (problems.length > 0) return policies
  const { limit, burst } = override
  const limits = limit === undefined || Array.isArray(limit) ? limit : [limit as number]
  if (limits && limits.length !== policies.length) {
    problems.push(`limit has ${limits.length} figures where ${policies.length} limits are declared; write one for each`)
    return policies
  }
  if (burst !== undefined && policies.length > 1) problems.push('burst cannot be said of several limits at once')
  if (problems.length > 0) return policies
  return policies.map((policy, index) => {
    const { scale, algorithm, windowMs } = policy
    const asked = limits?.[index] ?? policy.limit / scale
    // An own burst that is not said anew stays as it was declared unless the limit changes.
    const own = burst ?? (limits || !hasBurst(algorithm) ? undefined : policy.capacity / scale)
    const read = policyOf({ limit: asked, window: `${windowMs}ms`, algorithm, burst: own }, problems, policy)
    return isExact(read) ? read : policy
  })
}
