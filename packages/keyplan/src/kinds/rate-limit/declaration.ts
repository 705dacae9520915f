import { formatDuration } from '../../base/duration.ts'
import { shown } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import { commonOf, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName } from '../../plan/params.ts'
import { type ConcurrencyDeclaration, type ConcurrencyOptions, concurrencyDeclaration } from './concurrency/contract.ts'
import type { RateLimitDeclaration, RateLimitOptions } from './contract.ts'
import { hasBurst, type RateLimitPolicy } from './policy.ts'
import { checkWhenDown, type RateLimitSettings, settingsOf, type WholeOptions } from './settings.ts'

const ownOptions: Readonly<Record<Exclude<keyof WholeOptions | 'whenDown', keyof NamespaceOptions>, true>> = {
  limit: true,
  window: true,
  algorithm: true,
  burst: true,
  limits: true,
  decimals: true,
  tiers: true,
  block: true,
  near: true,
  allow: true,
  deny: true,
  report: true,
  whenDown: true,
  instances: true,
}

/** Declares how much may go on at once: `rateLimit('exports:<user>', { algorithm: 'concurrency', limit: 3 })`. */
export function rateLimit<const P extends string>(
  pattern: P,
  options: ConcurrencyOptions<ParamName<P>>,
): ConcurrencyDeclaration<P>
// The usual one stands last: it is the one whose errors TypeScript tells.
/**
 * Declares a rate limit: `rateLimit('ratelimit:<ip>:15m', { limit: 100, window: '15m' })`, or several that are decided on
 * together: `rateLimit('api:<user>', { limits: [{ limit: 10, window: '1s' }, { limit: 5_000, window: '1d' }] })`.
 */
export function rateLimit<const P extends string, const Tier extends string = never>(
  pattern: P,
  options: RateLimitOptions<ParamName<P>, Tier>,
): RateLimitDeclaration<P, Tier>
export function rateLimit<P extends string, Tier extends string>(
  pattern: P,
  options: RateLimitOptions<ParamName<P>, Tier> | ConcurrencyOptions<ParamName<P>>,
): RateLimitDeclaration<P, Tier> | ConcurrencyDeclaration<P> {
  return options?.algorithm === 'concurrency'
    ? concurrencyDeclaration(pattern, options)
    : rateDeclaration<P, Tier>(pattern, options)
}

function rateDeclaration<P extends string, Tier extends string>(
  pattern: P,
  options: RateLimitOptions<ParamName<P>, Tier>,
): RateLimitDeclaration<P, Tier> {
  const problems = optionProblems(options, Object.keys(ownOptions))
  const whole: WholeOptions = options ?? {}
  const { whenDown = 'allow' } = whole
  const settings = settingsOf(whole, problems)
  checkWhenDown(whenDown, problems)
  for (const param of paramsNamed(settings)) {
    if (typeof pattern !== 'string' || pattern.includes(`<${param}>`) || pattern.includes(`<${param}...>`)) continue
    problems.push(`${shown(param)} is named in allow, deny or report and is no parameter of the pattern`)
  }
  return {
    kind: 'rateLimit',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown,
    common: commonOf(whole),
    options: settings,
    facts: {
      ...limitFacts(settings.policies),
      ...(settings.scale > 1 && { decimals: Math.log10(settings.scale) }),
      ...(settings.tiers.size > 0 && { tiers: [...settings.tiers.keys()] }),
      ...(settings.nearMs !== undefined && { near: formatDuration(settings.nearMs) }),
      ...(settings.policies[0]?.block && { block: formatDuration(settings.policies[0].block.forMs) }),
      ...(whenDown === 'memory' && { instances: settings.instances ?? 'those alive' }),
    },
    problems,
  }
}

function paramsNamed({ allow, deny, report }: RateLimitSettings): string[] {
  const lists = [allow, deny].flatMap(guests => (isList(guests) ? Object.keys(guests) : []))
  return [...lists, ...report].map(String)
}

const isList = (guests: unknown): guests is object =>
  typeof guests === 'object' && guests !== null && !Array.isArray(guests)

function limitFacts(policies: readonly RateLimitPolicy[]): Record<string, Json> {
  const facts = policies.map(policy => ({
    algorithm: policy.algorithm,
    limit: policy.limit / policy.scale,
    window: formatDuration(policy.windowMs),
    ...(hasBurst(policy.algorithm) && { burst: policy.capacity / policy.scale }),
  }))
  return facts.length === 1 ? facts[0]! : { limits: facts }
}
