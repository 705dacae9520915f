import { type CallOptions, checkOptions } from '../../base/call.ts'
import { isKeyplanError, KeyplanError, shown } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { Server } from '../kind.ts'
import type { ConsumeOptions, RateLimit, RateLimitNamespace, RateLimitResult, RateLimitStore } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'

interface Request {
  readonly key: string
  readonly cost: number
}

/** Most keys of one script call. Measured: with 16 the server works a tenth longer for each, more than 32 gain little. */
const gathered = 32

export function createRateLimits(
  store: Guarded<RateLimitStore>,
  policy: RateLimitPolicy,
  pattern: Pattern,
  lane?: Server['lane'],
): RateLimitNamespace {
  const gather = createGather<Request, RateLimitResult>({
    max: gathered,
    lane: lane && (({ key }) => lane(key)),
    run: requests => decide(undefined, requests),
    // The server refuses a call for the sake of one key; the others are asked again without it.
    separable: error => isKeyplanError(error, 'NO_PERMISSION') || isKeyplanError(error, 'CROSS_SLOT'),
  })

  function decide(options: CallOptions | undefined, requests: readonly Request[]) {
    const keys: string[] = []
    const costs: number[] = []
    let writes = false
    for (const { key, cost } of requests) {
      keys.push(key)
      costs.push(cost)
      writes ||= cost > 0
    }
    return writes ? store.consume(options, keys, costs, policy) : store.peek(options, keys, policy)
  }

  /** A call with terms of its own is not held up, or held to, those of others. */
  async function decideAlone(options: CallOptions, request: Request): Promise<RateLimitResult> {
    gather.flush()
    const [decision] = await decide(options, [request])
    if (decision instanceof Error) throw decision
    return decision!
  }

  function ask(options: CallOptions | undefined, key: string, cost: number): Promise<RateLimitResult> {
    const request = { key, cost }
    if (options?.signal === undefined && options?.deadline === undefined) return gather.add(request)
    return decideAlone(options, request)
  }

  /** The limit of one key. A class, since one is made for every call and its methods must not be. */
  class Limit implements RateLimit {
    readonly #key: string

    constructor(key: string) {
      this.#key = key
    }

    consume(options?: ConsumeOptions): Promise<RateLimitResult> {
      return options === undefined ? ask(undefined, this.#key, 1) : this.#consumeBy(options)
    }

    async #consumeBy(options: ConsumeOptions): Promise<RateLimitResult> {
      checkOptions(options, ['cost'])
      const { cost = 1 } = options
      checkCost(cost, policy)
      return ask(options, this.#key, cost)
    }

    async peek(options?: CallOptions): Promise<RateLimitResult> {
      if (options !== undefined) checkOptions(options)
      return ask(options, this.#key, 0)
    }

    async reset(options?: CallOptions): Promise<void> {
      if (options !== undefined) checkOptions(options)
      gather.flush()
      return store.reset(options, this.#key)
    }
  }

  return params => new Limit(pattern.format(params))
}

/** @throws KeyplanError PARAM_INVALID */
function checkCost(cost: number, { capacity, algorithm }: RateLimitPolicy): void {
  if (Number.isSafeInteger(cost) && cost >= 0 && cost <= capacity) return
  const most = algorithm === 'token-bucket' ? 'burst' : 'limit'
  const hint = cost > capacity && Number.isFinite(cost) ? ', so more can never be allowed' : ''
  throw new KeyplanError(
    'PARAM_INVALID',
    `cost is ${shown(cost)}; it must be a whole number from 0 to the ${most}, ${capacity}${hint}`,
  )
}
