import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { groupProblems } from '../../base/option-group.ts'
import type { RateLimit, RateLimitDeclaration, RateLimitResult } from '../../kinds/rate-limit/contract.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import { isWithin } from './address.ts'
import { type AddressOptions, createClientAddress, type Sender } from './client-address.ts'
import { problem, type Refusal } from './problem.ts'
import { rangesOf } from './proxy-trust.ts'
import { type Header, type RateHeaders, rateHeadersOf, seconds } from './rate-headers.ts'

/** An open rate limit, such as `redis.api`. */
export type OpenLimit<Params> = ((params: Params) => RateLimit) & {
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
  skip: true,
  exempt: true,
  headers: true,
  name: true,
  onLimited: true,
  trustProxy: true,
  forwardedHeader: true,
  ipv6Subnet: true,
}

/** What becomes of a request. */
export interface Verdict {
  readonly headers: readonly Header[]
  /** To be answered in place of the application. */
  readonly refusal?: Refusal
}

const passed: Verdict = { headers: [] }

/**
 * A limit in front of requests, for any framework: its face says who sends a request, sets the headers, and answers what is
 * refused. 429 when the limit is used up; 503 when Redis cannot be asked and `whenDown` is `deny`.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit, and for options; PLAN_INVALID without `params` when the
 * pattern does not have one param
 */
export function createHttpLimit<Request, Params>(
  caller: string,
  namespace: OpenLimit<Params>,
  options: HttpLimitOptions<Request, Params> = {},
): (request: Request, sender: Sender) => Promise<Verdict> {
  checkLimit(caller, namespace)
  const [wrong] = groupProblems(options, '', Object.keys(optionNames))
  if (wrong) throw new KeyplanError('PARAM_INVALID', `${caller}(): ${wrong}`)
  const { cost = 1, skip, exempt = [], headers = 'standard', name = 'default', onLimited } = options
  const paramsOf = options.params ?? (byClient(caller, namespace.pattern) as (_: Request, client: string) => Params)
  for (const [option, value] of Object.entries({ params: paramsOf, skip, onLimited })) {
    if (value === undefined || typeof value === 'function') continue
    throw new KeyplanError('PARAM_INVALID', `${caller}(): ${option} is ${kindOf(value)}; give it a function`)
  }
  if (typeof cost !== 'function' && typeof cost !== 'number') {
    throw new KeyplanError('PARAM_INVALID', `${caller}(): cost is ${shown(cost)}; write a number or a function`)
  }
  const clientOf = createClientAddress(options)
  const exempted = rangesOf(exempt, 'exempt')
  const [policy] = namespace.declaration.options.policies
  const headersOf = rateHeadersOf(headers, name, policy!)

  function refusalOf({ degraded }: RateLimitResult): Refusal {
    if (degraded && namespace.declaration.whenDown === 'deny') {
      return problem(503, 'about:blank', 'Limits cannot be counted at the moment')
    }
    const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    return problem(429, quotaExceeded, 'Too many requests', { 'violated-policies': [name] })
  }

  return async (request, sender) => {
    const { address, name: client } = clientOf(sender)
    if (address && exempted.some(range => isWithin(address, range))) return passed
    if (await skip?.(request, client)) return passed
    const units = typeof cost === 'function' ? await cost(request) : cost
    const limit = namespace(await paramsOf(request, client))
    const result = await (units === 1 ? limit.consume() : limit.consume({ cost: units }))
    if (result.allowed) return { headers: headersOf(result) }
    await onLimited?.(request, result)
    const retryAfter = String(seconds(result.retryAfterMs))
    return { headers: [...headersOf(result), ['Retry-After', retryAfter]], refusal: refusalOf(result) }
  }
}

/** @throws KeyplanError PARAM_INVALID */
export function checkLimit(caller: string, namespace: OpenLimit<never>): void {
  if (typeof namespace === 'function' && namespace.declaration?.kind === 'rateLimit') return
  const message = `${caller}() was given ${kindOf(namespace)}; give it an open rate limit, such as redis.api`
  throw new KeyplanError('PARAM_INVALID', message)
}

function byClient(caller: string, { source, params }: Pattern) {
  const [param] = params
  if (param !== undefined && params.length === 1) return (_: unknown, client: string) => ({ [param]: client })
  const message = `${caller}() cannot tell the params of '${source}', which has ${params.length}; give it params: request => ({ … })`
  throw new KeyplanError('PLAN_INVALID', message)
}
