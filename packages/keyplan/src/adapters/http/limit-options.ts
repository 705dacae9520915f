import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { RateLimit, RateLimitDeclaration, RateLimitResult } from '../../kinds/rate-limit/contract.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { AddressOptions } from './client-address.ts'
import type { RateHeaders } from './rate-headers.ts'

/** An open rate limit, such as `redis.api`. */
export type OpenLimit<Params> = ((params: Params, terms?: { readonly tier: never }) => RateLimit) & {
  readonly pattern: Pattern
  readonly declaration: Pick<RateLimitDeclaration, 'kind' | 'options' | 'whenDown'>
}

export interface HttpLimitOptions<Request, Params> extends AddressOptions {
  /**
   * Whom the limit is counted for: the params of its pattern. `client` tells clients apart: an address, or the network of
   * an IPv6 address. Default, for a pattern with one param: `client`.
   */
  params?: ((request: Request, client: string) => Params | Promise<Params>) | undefined
  /** Units that a request consumes. Default: 1. */
  cost?: number | ((request: Request) => number | Promise<number>) | undefined
  /** Which of the declared tiers applies; undefined for the limits as they are declared. */
  tier?: ((request: Request) => string | undefined | Promise<string | undefined>) | undefined
  /**
   * Which responses count, by their status: `failures` are those from 400 on. What a request consumed is given back once its
   * response was sent, so that requests that are under way count. Default: `all`.
   */
  counts?: 'all' | 'successes' | 'failures' | undefined
  /** Requests that are not limited. */
  skip?: ((request: Request, client: string) => boolean | Promise<boolean>) | undefined
  /** Addresses and networks that are not limited: `['10.0.0.0/8']`. */
  exempt?: readonly string[] | undefined
  /** How the limit is told. `Retry-After` is always. Default: `standard`. */
  headers?: RateHeaders | false | undefined
  /** What the limit is called in the headers. Default: `default`. */
  name?: string | undefined
  /** Told of each request that is refused, before it is answered. What it throws is the framework's. */
  onLimited?: ((request: Request, result: RateLimitResult) => void | Promise<void>) | undefined
}

const optionNames: Readonly<Record<keyof HttpLimitOptions<unknown, unknown>, true>> = {
  params: true,
  cost: true,
  tier: true,
  counts: true,
  skip: true,
  exempt: true,
  headers: true,
  name: true,
  onLimited: true,
  trustProxy: true,
  forwardedHeader: true,
  ipv6Subnet: true,
}

/** One of several limits that are decided on together, and what differs from limit to limit. */
export interface LimitOf<Request, Params> extends Pick<HttpLimitOptions<Request, Params>, 'params' | 'tier' | 'name'> {
  readonly limit: OpenLimit<Params>
}

/** Several limits, by the params of each: `[redis.perIp, { limit: redis.perKey, params }]`. */
export type SeveralLimits<Request, All extends readonly unknown[]> = {
  readonly [Index in keyof All]: OpenLimit<All[Index]> | LimitOf<Request, All[Index]>
}

/** Options of all of several limits. */
export type SharedOptions<Options> = Omit<Options, 'params' | 'tier' | 'name'>

const ofOne = ['limit', 'params', 'tier', 'name'] as const satisfies readonly (keyof LimitOf<unknown, unknown>)[]

const isList = (given: OpenLimit<never> | readonly unknown[]): given is readonly unknown[] => Array.isArray(given)

/** Most limits of one request. */
const mostLimits = 8

/**
 * What was given for a limit, as a list of them. Of several each has a name of its own in the headers, by default its place.
 *
 * @throws KeyplanError PARAM_INVALID
 */
export function limitsOf<Request>(
  caller: string,
  given: OpenLimit<never> | readonly unknown[],
  options: HttpLimitOptions<Request, never>,
): readonly LimitOf<Request, never>[] {
  const { params, tier, name = 'default' } = options
  if (!isList(given)) return [{ limit: given, params, tier, name }]
  const refused = (message: string) => new KeyplanError('PARAM_INVALID', `${caller}(): ${message}`)
  if (given.length === 0 || given.length > mostLimits) {
    throw refused(`${given.length} limits were given; give it 1 to ${mostLimits}`)
  }
  for (const option of ['params', 'tier', 'name'] as const) {
    if (options[option] === undefined) continue
    throw refused(`${option} stands beside several limits; write it to its own: { limit, ${option} }`)
  }
  return given.map((one, index) => {
    const standard = `${name} ${index + 1}`
    if (typeof one === 'function') return { limit: one as OpenLimit<never>, name: standard }
    const [wrong] = groupProblems(one, '', ofOne)
    if (wrong) throw refused(wrong)
    return { name: standard, ...(one as LimitOf<Request, never>) }
  })
}

/** @throws KeyplanError PARAM_INVALID */
export function checkLimit(caller: string, namespace: OpenLimit<never>): void {
  if (typeof namespace === 'function' && namespace.declaration?.kind === 'rateLimit') return
  const message = `${caller}() was given ${kindOf(namespace)}; give it an open rate limit, such as redis.api`
  throw new KeyplanError('PARAM_INVALID', message)
}

/** @throws KeyplanError PARAM_INVALID for what each option can be seen to be by itself */
export function checkLimitOptions<Request, Params>(caller: string, options: HttpLimitOptions<Request, Params>): void {
  const [wrong] = groupProblems(options, '', Object.keys(optionNames))
  if (wrong) throw new KeyplanError('PARAM_INVALID', `${caller}(): ${wrong}`)
  const { cost = 1, counts = 'all', params, tier, skip, onLimited } = options
  for (const [option, value] of Object.entries({ params, tier, skip, onLimited })) {
    if (value === undefined || typeof value === 'function') continue
    throw new KeyplanError('PARAM_INVALID', `${caller}(): ${option} is ${kindOf(value)}; give it a function`)
  }
  if (typeof cost !== 'function' && typeof cost !== 'number') {
    throw new KeyplanError('PARAM_INVALID', `${caller}(): cost is ${shown(cost)}; write a number or a function`)
  }
  if (!Object.hasOwn(counting, counts)) {
    const message = `${caller}(): counts is ${shown(counts)}; use 'all', 'successes' or 'failures'`
    throw new KeyplanError('PARAM_INVALID', message)
  }
}

/** Whether a response of this status counts. */
export const counting: Readonly<Record<'all' | 'successes' | 'failures', (status: number) => boolean>> = {
  all: () => true,
  successes: status => status < 400,
  failures: status => status >= 400,
}
