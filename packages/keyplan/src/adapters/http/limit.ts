import { KeyplanError } from '../../base/error.ts'
import type { RateLimitResult } from '../../kinds/rate-limit/contract.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import { isWithin } from './address.ts'
import { createClientAddress, type Sender } from './client-address.ts'
import { checkLimit, checkLimitOptions, counting, type HttpLimitOptions, type OpenLimit } from './limit-options.ts'
import { problem, type Refusal } from './problem.ts'
import { rangesOf } from './proxy-trust.ts'
import { type Header, limitNames, rateHeadersOf, seconds } from './rate-headers.ts'

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
  checkLimitOptions(caller, options)
  const {
    cost = 1,
    tier,
    counts = 'all',
    skip,
    exempt = [],
    headers = 'standard',
    name = 'default',
    onLimited,
  } = options
  const paramsOf = options.params ?? (byClient(caller, namespace.pattern) as (_: Request, client: string) => Params)
  const clientOf = createClientAddress(options)
  const exempted = rangesOf(exempt, 'exempt')
  const { policies } = namespace.declaration.options
  const names = limitNames(name, policies)
  const headersOf = rateHeadersOf(headers, name, policies)

  function refusalOf(result: RateLimitResult): Refusal {
    if (result.degraded && namespace.declaration.whenDown === 'deny') {
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
    const params = await paramsOf(request, client)
    const named = await tier?.(request)
    const limit = named === undefined ? namespace(params) : namespace(params, { tier: named as never })
    const result = await (units === 1 ? limit.consume() : limit.consume({ cost: units }))
    if (result.allowed) {
      // What nobody has counted is not given back to those who were counted.
      const isCounted = units > 0 && !(result.degraded && namespace.declaration.whenDown === 'allow')
      return {
        headers: headersOf(result),
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
    return { headers: [...headersOf(result), ['Retry-After', retryAfter]], refusal: refusalOf(result) }
  }
}

function byClient(caller: string, { source, params }: Pattern) {
  const [param] = params
  if (param !== undefined && params.length === 1) return (_: unknown, client: string) => ({ [param]: client })
  const message = `${caller}() cannot tell the params of '${source}', which has ${params.length}; give it params: request => ({ … })`
  throw new KeyplanError('PLAN_INVALID', message)
}
