import { KeyplanError } from '../base/error.ts'
import type { RateLimit, RateLimitResult } from '../kinds/rate-limit/contract.ts'
import { checkLimit, type OpenLimit } from './http/limit-options.ts'

/** One open rate limit, or several of which the one counts that has the figures a library names. */
export type Limits = OpenLimit<never> | readonly OpenLimit<never>[]

/** What a library that counts by itself says it allows. Undefined where it decides for each request. */
export interface Allowance {
  readonly limit: number | undefined
  readonly windowMs: number | undefined
  /** How long it refuses a key that was refused; undefined: until its window allows more. */
  readonly blockMs?: number | undefined
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
    const [policy, ...others] = namespace.declaration.options.policies
    if (!policy || others.length > 0) {
      const message = `${caller}() needs limits of one window and '${source}' has ${others.length + 1}`
      throw new KeyplanError('PLAN_INVALID', message)
    }
    const units = policy.capacity / policy.scale
    const blockMs = policy.block?.onDenied ? policy.block.forMs : undefined
    return { units, windowMs: policy.windowMs, blockMs, at: (key: string) => namespace({ [param]: key }) }
  })

  return wanted => {
    const found = keyed.find(
      ({ units, windowMs, blockMs }) =>
        (wanted.limit ?? units) === units &&
        (wanted.windowMs ?? windowMs) === windowMs &&
        (wanted.blockMs === undefined || wanted.blockMs === blockMs),
    )
    if (found) return found.at
    const declared = keyed.map(told).join(' or ')
    const message = `${caller}() is asked for ${told({ units: wanted.limit, ...wanted })} and has ${declared}; give both the same figures`
    throw new KeyplanError('PLAN_INVALID', message)
  }
}

function told(figures: {
  units: number | undefined
  windowMs: number | undefined
  blockMs?: number | undefined
}): string {
  const { units = 'any limit', windowMs = 'any', blockMs } = figures
  return `${units} in ${windowMs} ms${blockMs === undefined ? '' : `, blocked for ${blockMs} ms`}`
}

/** How often a key was hit, as a library counts: above the limit once it is refused. */
export const hits = ({ allowed, limit, remaining }: RateLimitResult) =>
  allowed ? Math.max(1, limit - Math.floor(remaining)) : limit + 1

/** Milliseconds until a library may let a key begin anew. */
export const untilNextMs = ({ allowed, resetMs, retryAfterMs }: RateLimitResult) => (allowed ? resetMs : retryAfterMs)
