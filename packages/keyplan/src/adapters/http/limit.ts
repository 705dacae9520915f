import { KeyplanError } from '../../base/error.ts'
import type { RateLimit, RateLimitResult } from '../../kinds/rate-limit/contract.ts'
import type { RateLimitPolicy } from '../../kinds/rate-limit/policy.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import { isWithin } from './address.ts'
import { createClientAddress, type Sender } from './client-address.ts'
import {
  checkLimit,
  checkLimitOptions,
  counting,
  type HttpLimitOptions,
  type LimitOf,
  limitsOf,
  type OpenLimit,
} from './limit-options.ts'
import { problem, type Refusal } from './problem.ts'
import { rangesOf } from './proxy-trust.ts'
import { type Header, limitName, limitNames, rateHeadersOf, seconds } from './rate-headers.ts'

/** What becomes of a request. */
export interface Verdict {
  readonly headers: readonly Header[]
  /** To be answered in place of the application. */
  readonly refusal?: Refusal
  /** To be told the status of the response once it was sent. */
  readonly sent?: (status: number) => void
}

const passed: Verdict = { headers: [] }

/**
 * A limit in front of requests, or several that are decided on in one step, for any framework: its face says who sends a request, sets the headers, and answers what is
 * refused. 429 when the limit is used up; 503 when Redis cannot be asked and `whenDown` is `deny`.
 *
 * @throws KeyplanError PARAM_INVALID for what is no open rate limit, and for options; PLAN_INVALID without `params` when the
 * pattern does not have one param
 */
export function createHttpLimit<Request, Params>(
  caller: string,
  given: OpenLimit<Params> | readonly unknown[],
  options: HttpLimitOptions<Request, Params> = {},
): (request: Request, sender: Sender) => Promise<Verdict> {
  checkLimitOptions(caller, options)
  const limits = limitsOf(
    caller,
    given as OpenLimit<never> | readonly unknown[],
    options as HttpLimitOptions<Request, never>,
  )
  const { cost = 1, counts = 'all', skip, exempt = [], headers = 'standard', onLimited } = options
  const members = limits.map(one => memberOf(caller, one))
  const clientOf = createClientAddress(options)
  const exempted = rangesOf(exempt, 'exempt')
  /** In an outage some of them allow without counting. */
  const isLoose = limits.some(({ limit }) => limit.declaration.whenDown === 'allow')
  const names = members.flatMap(member => limitNames(member.name, member.policies))
  const headersOf = rateHeadersOf(headers, names)
  const denies = limits.some(({ limit }) => limit.declaration.whenDown === 'deny')

  function refusalOf(result: RateLimitResult): Refusal {
    if (result.degraded && denies) {
      return problem(503, 'about:blank', 'Limits cannot be counted at the moment')
    }
    const quotaExceeded = 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    return problem(429, quotaExceeded, 'Too many requests', {
      'violated-policies': names.filter((_, index) => !(result.parts ?? [result])[index]?.allowed),
    })
  }

  return async (request, sender) => {
    const { address, name: client } = clientOf(sender)
    if (address && exempted.some(range => isWithin(address, range))) return passed
    if (await skip?.(request, client)) return passed
    const units = typeof cost === 'function' ? await cost(request) : cost
    const opened = await Promise.all(members.map(member => member.open(request, client)))
    const [first, ...others] = opened.map(one => one.limit)
    const limit = others.length === 0 ? first! : first!.with(...others)
    const policies = opened.flatMap(one => one.policies)
    const result = await (units === 1 ? limit.consume() : limit.consume({ cost: units }))
    if (result.allowed) {
      // What nobody has counted is not given back to those who were counted.
      const isCounted = units > 0 && !(result.degraded && isLoose)
      return {
        headers: headersOf(result, policies),
        ...(counts !== 'all' &&
          isCounted && {
            sent(status) {
              // Where it cannot be given back it stays counted.
              if (!counting[counts](status)) limit.reward(units).catch(() => {})
            },
          }),
      }
    }
    await onLimited?.(request, result)
    const retryAfter = String(seconds(result.retryAfterMs))
    return { headers: [...headersOf(result, policies), ['Retry-After', retryAfter]], refusal: refusalOf(result) }
  }
}

/** One of the limits of a request. */
interface Member<Request> {
  readonly name: string
  /** As they are declared; a tier has the same windows. */
  readonly policies: readonly RateLimitPolicy[]
  /** With the policies that hold for the request. */
  open(
    request: Request,
    client: string,
  ): Promise<{ readonly limit: RateLimit; readonly policies: readonly RateLimitPolicy[] }>
}

function memberOf<Request>(caller: string, { limit, params, tier, name }: LimitOf<Request, never>): Member<Request> {
  checkLimit(caller, limit)
  checkLimitOptions(caller, { params, tier })
  const { policies, tiers } = limit.declaration.options
  const paramsOf = params ?? (byClient(caller, limit.pattern) as (_: Request, client: string) => never)
  return {
    name: limitName(name),
    policies,
    async open(request, client) {
      const ofRequest = await paramsOf(request, client)
      const named = await tier?.(request)
      if (named === undefined) return { limit: limit(ofRequest), policies }
      return { limit: limit(ofRequest, { tier: named as never }), policies: tiers.get(named) ?? policies }
    },
  }
}

function byClient(caller: string, { source, params }: Pattern) {
  const [param] = params
  if (param !== undefined && params.length === 1) return (_: unknown, client: string) => ({ [param]: client })
  const message = `${caller}() cannot tell the params of '${source}', which has ${params.length}; give it params: request => ({ … })`
  throw new KeyplanError('PLAN_INVALID', message)
}
