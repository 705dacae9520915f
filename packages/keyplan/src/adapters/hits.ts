import { KeyplanError } from '../base/error.ts'
import type { RateLimit, RateLimitResult } from '../kinds/rate-limit/contract.ts'
import { checkLimit, type OpenLimit } from './http/limit.ts'

/** One open rate limit, or several of which the one counts that has the figures a library names. */
export type Limits = OpenLimit<never> | readonly OpenLimit<never>[]

/** What a library that counts by itself says it allows. Undefined where it decides for each request. */
export interface Allowance {
  readonly limit: number | undefined
  readonly windowMs: number | undefined
}

/** A limit by the one text that such a library calls a key. */
export type KeyedLimit = (key: string) => RateLimit

/**
 * The limit that has the figures of an allowance: a library that counts to other figures than the plan would refuse what the
 * plan allows, or the reverse.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit; PLAN_INVALID when its keys do not have one param
 */
export function limitsOf(caller: string, limits: Limits): (allowance: Allowance) => KeyedLimit {
  const list = (Array.isArray(limits) ? limits : [limits]) as readonly OpenLimit<Record<string, string>>[]
  if (list.length === 0) throw new KeyplanError('PARAM_INVALID', `${caller}() was given no rate limit`)
  const keyed = list.map(namespace => {
    checkLimit(caller, namespace)
    const { source, params } = namespace.pattern
    const [param] = params
    if (param === undefined || params.length > 1) {
      const message = `${caller}() needs limits with one param and '${source}' has ${params.length}; write it as 'api:<key>'`
      throw new KeyplanError('PLAN_INVALID', message)
    }
    return { policy: namespace.declaration.options.policy, at: (key: string) => namespace({ [param]: key }) }
  })

  return ({ limit, windowMs }) => {
    const found = keyed.find(
      ({ policy }) =>
        (limit === undefined || limit === policy.capacity) && (windowMs === undefined || windowMs === policy.windowMs),
    )
    if (found) return found.at
    const declared = keyed.map(({ policy }) => `${policy.capacity} in ${policy.windowMs} ms`).join(', ')
    const message = `${caller}() is asked for ${limit ?? 'a limit'} in ${windowMs ?? 'some'} ms and has ${declared}; declare it in the plan, and give both the same figures`
    throw new KeyplanError('PLAN_INVALID', message)
  }
}

/** How often a key was hit, as a library counts: above the limit once it is refused. */
export const hits = ({ allowed, limit, remaining }: RateLimitResult) =>
  allowed ? Math.max(1, limit - Math.floor(remaining)) : limit + 1

/** Milliseconds until a library may let a key begin anew. */
export const untilNextMs = ({ allowed, resetMs, retryAfterMs }: RateLimitResult) => (allowed ? resetMs : retryAfterMs)
