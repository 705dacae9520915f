import { collect } from '../../base/collect.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import { type BlockOptions, blockPolicyOf } from './block-policy.ts'
import { type Guests, guestProblems } from './guests.ts'
import { type PolicyOptions, policyOf, type RateLimitPolicy, wholeNumber } from './policy.ts'
import { type LimitOverride, tiersOf } from './tiers.ts'

/**
 * What a limit answers when Redis cannot be asked; the answer is marked `degraded`. A limit that is used up is no
 * outage and never gets here.
 *
 * - `allow`: everything passes.
 * - `deny`: nothing passes; `retryAfterMs` is one second.
 * - `memory`: this process counts by itself against `limit ÷ instances`, and tells Redis afterwards.
 */
export type RateLimitWhenDown = 'allow' | 'deny' | 'memory'

export function checkWhenDown(whenDown: unknown, problems: string[]): void {
  if (whenDown === 'allow' || whenDown === 'deny' || whenDown === 'memory') return
  problems.push(`whenDown is ${shown(whenDown)}; use 'allow', 'deny' or 'memory'`)
}

/** Everything beside the limits themselves. */
export interface CommonOptions<Param extends string, Tier extends string> {
  /** Decimal places of costs and limits, 0 to 6. Default: 0, whole units. */
  decimals?: number
  /** Limits by name, for `redis.api({ user }, { tier: 'pro' })`. What a tier leaves out is as declared. */
  tiers?: Readonly<Record<Tier, LimitOverride>>
  /** What `block()` does, and whether being denied does it. Without it a key cannot be blocked. */
  block?: BlockOptions
  /**
   * Keys that Redis has called used up are denied in this process, without a trip, for at most so long and never after
   * the moment at which they would be allowed. Only what another process gives back, resets or is allowed by a higher
   * limit is noticed later, by at most this. Default: every call asks Redis.
   */
  near?: Duration
  /** Who always passes: values of parameters, or a function. Nothing is counted and Redis is not asked. */
  allow?: Guests<Param>
  /** Who never passes. Goes before `allow`. */
  deny?: Guests<Param>
  /** Parameters whose values `$stats()` may show for the keys that are limited most. Default: none. */
  report?: readonly Param[]
  /** Default: `allow`. */
  whenDown?: RateLimitWhenDown
  /**
   * With `whenDown: 'memory'`: how many processes share the limit. Each allows `limit ÷ instances`, at least one step.
   * Default: as many as were alive when Redis was last asked; each says so every 5 s.
   */
  instances?: number
}

/** The options with their defaults. */
export interface RateLimitSettings {
  /** One for each limit. The first counts at the key itself. */
  readonly policies: readonly RateLimitPolicy[]
  readonly tiers: ReadonlyMap<string, readonly RateLimitPolicy[]>
  readonly scale: number
  readonly nearMs: number | undefined
  readonly allow: Guests | undefined
  readonly deny: Guests | undefined
  readonly report: readonly string[]
  /** Undefined: those that are alive. */
  readonly instances: number | undefined
}

export interface WholeOptions extends Partial<PolicyOptions>, CommonOptions<string, string> {
  limits?: readonly PolicyOptions[]
}

const limitNames = ['limit', 'window', 'algorithm', 'burst'] as const

export function settingsOf(options: WholeOptions, problems: string[]): RateLimitSettings {
  const { decimals = 0, near, allow, deny, report = [], instances } = options
  if (!Number.isInteger(decimals) || decimals < 0 || decimals > 6) {
    problems.push(`decimals is ${shown(decimals)}; it must be a whole number from 0 to 6`)
  }
  const scale = Number.isInteger(decimals) && decimals >= 0 && decimals <= 6 ? 10 ** decimals : 1
  const common = { scale, block: blockPolicyOf(options.block, problems) }
  const policies = policiesOf(options, common, problems)
  problems.push(...guestProblems(allow, 'allow'), ...guestProblems(deny, 'deny'))
  if (!Array.isArray(report)) problems.push(`report is ${kindOf(report)}; write a list of parameters`)
  return {
    policies,
    tiers: tiersOf(options.tiers, policies, problems),
    scale,
    nearMs: near === undefined ? undefined : collect(problems, () => durationMs(near, 'near', shown), undefined),
    allow,
    deny,
    report: Array.isArray(report) ? report : [],
    instances: instances === undefined ? undefined : wholeNumber(instances, 'instances', problems),
  }
}

function policiesOf(
  { limits, limit, window, algorithm, burst }: WholeOptions,
  common: Pick<RateLimitPolicy, 'scale' | 'block'>,
  problems: string[],
): RateLimitPolicy[] {
  // Whatever is missing is reported by its name.
  const single = { limit: limit as number, window: window as Duration, algorithm, burst }
  if (limits === undefined) return [policyOf(single, problems, common)]
  for (const name of limitNames) {
    if (single[name] !== undefined) problems.push(`${name} stands beside limits; write it into one of them`)
  }
  if (!Array.isArray(limits) || limits.length === 0 || limits.length > mostLimits) {
    problems.push(`limits must be a list of 1 to ${mostLimits}, each { limit, window }`)
    return [policyOf({ limit: 1, window: '1s' }, [], common)]
  }
  const policies = limits.map((one: PolicyOptions, index) => {
    const own = groupProblems(one, `limits[${index}]`, limitNames)
    if (own.length === 0) {
      // The block of a key is kept once, with the first.
      const policy = policyOf(one, own, index === 0 ? common : { scale: common.scale })
      problems.push(...own.map(problem => `limits[${index}]: ${problem}`))
      return policy
    }
    problems.push(...own)
    return policyOf({ limit: 1, window: '1s' }, [], common)
  })
  const windows = policies.map(({ windowMs }) => windowMs)
  if (problems.length === 0 && new Set(windows).size < windows.length) problems.push('two limits have the same window')
  return policies
}

/** A call decides on all of them. */
export const mostLimits = 8
