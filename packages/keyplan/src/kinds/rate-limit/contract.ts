import type { Call, CallOptions } from '../../base/call.ts'
import { formatDuration } from '../../base/duration.ts'
import { type KeyplanError, shown } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../plan/declaration.ts'
import type { ParamName, Params } from '../../plan/params.ts'
import { type PolicyOptions, policyOf, type RateLimitPolicy, wholeNumber } from './policy.ts'

/**
 * What a limit answers when Redis cannot be asked; the answer is marked `degraded`. A limit that is used up is no
 * outage and never gets here.
 *
 * - `allow`: everything passes.
 * - `deny`: nothing passes; `retryAfterMs` is one second.
 * - `memory`: this process counts by itself against `limit ÷ instances`.
 */
export type RateLimitWhenDown = 'allow' | 'deny' | 'memory'

export interface RateLimitOptions<Param extends string = string> extends NamespaceOptions<Param>, PolicyOptions {
  /** Default: `allow`. */
  whenDown?: RateLimitWhenDown
  /**
   * With `whenDown: 'memory'`: how many processes share the limit. Each allows `limit ÷ instances`, at least 1.
   * Default: 1, which multiplies the limit by the number of processes while Redis is down.
   */
  instances?: number
}

/** The options with their defaults. */
export interface RateLimitSettings {
  readonly policy: RateLimitPolicy
  readonly instances: number
}

export interface RateLimitDeclaration<P extends string = string>
  extends Declaration<'rateLimit', P, RateLimitNamespace<P>> {
  readonly whenDown: RateLimitWhenDown
  readonly options: RateLimitSettings
}

/** `redis.<namespace>` of a rate limit. */
export type RateLimitNamespace<P extends string = string> = (params: Params<P>) => RateLimit

export interface ConsumeOptions extends CallOptions {
  /**
   * Units to consume: a whole number from 0 to the limit (the burst of a token bucket). 0 consumes nothing and answers
   * as `peek` does. Default: 1.
   */
  cost?: number | undefined
}

/** The limit of one key. Calls made in one turn of the event loop share a round trip, unless they have own options. */
export interface RateLimit {
  /**
   * Consumes units if all of them are to be had, else none.
   *
   * @throws KeyplanError PARAM_INVALID when `cost` is no whole number, is negative, or is above the limit and could
   * never be allowed; WRONG_TYPE when the key holds something else; never because the limit is used up
   */
  consume(options?: ConsumeOptions): Promise<RateLimitResult>
  /** What consuming one unit would answer, with the units that remain before it. Consumes nothing. */
  peek(options?: CallOptions): Promise<RateLimitResult>
  /**
   * Forgets what was consumed.
   *
   * @throws KeyplanError when Redis cannot be asked, whatever `whenDown` says
   */
  reset(options?: CallOptions): Promise<void>
}

export interface RateLimitResult {
  readonly allowed: boolean
  /** Units an unused key allows at once: the burst of a token bucket, else the limit. */
  readonly limit: number
  /** Units that could be consumed right now. */
  readonly remaining: number
  /** Milliseconds until all of `limit` is free again if nothing more is consumed. 0 for an unused key. */
  readonly resetMs: number
  /** Milliseconds after which the same cost is allowed if nobody else consumes. 0 when it was allowed. */
  readonly retryAfterMs: number
  /** Redis could not be asked: `whenDown` has answered. */
  readonly degraded?: true
}

/** The answer to one key; an error concerns this key alone. */
export type Decision = RateLimitResult | KeyplanError

/** Each step is atomic. Time is the store's own, never the caller's. */
export interface RateLimitStore {
  /**
   * Decides on each key in order, a repeated one as often as it is named.
   * What is denied consumes nothing; a cost of 0 writes nothing.
   * Every key it writes has a time to live from the same step on, at most until it is as if never used.
   * A key that cannot be counted fails alone.
   */
  consume(
    call: Call,
    keys: readonly string[],
    costs: readonly number[],
    policy: RateLimitPolicy,
  ): Promise<readonly Decision[]>
  /** Consume with a cost of 0 for each key. */
  peek(call: Call, keys: readonly string[], policy: RateLimitPolicy): Promise<readonly Decision[]>
  /** Leaves the key as if never used. */
  reset(call: Call, key: string): Promise<void>
}

/** A limit stands in front of other work: where `whenDown` has an answer, nobody waits long for a better one. */
const patienceMs = 500

export const rateLimitOperations: Operations<RateLimitStore> = {
  consume: { idempotent: false, write: true, attempt: patienceMs },
  peek: { idempotent: true, write: false, attempt: patienceMs },
  reset: { idempotent: true, write: true },
}

const ownOptions: Readonly<Record<Exclude<keyof RateLimitOptions, keyof NamespaceOptions>, true>> = {
  limit: true,
  window: true,
  algorithm: true,
  burst: true,
  whenDown: true,
  instances: true,
}

/** Declares a rate limit: `rateLimit('ratelimit:<ip>:15m', { limit: 100, window: '15m' })`. */
export function rateLimit<const P extends string>(
  pattern: P,
  options: RateLimitOptions<ParamName<P>>,
): RateLimitDeclaration<P> {
  const { limit, window, algorithm, burst, whenDown = 'allow', instances = 1, ...common } = options ?? {}
  const problems = optionProblems(options, Object.keys(ownOptions))
  const policy = policyOf({ limit, window, algorithm, burst }, problems)
  const settings: RateLimitSettings = { policy, instances: wholeNumber(instances, 'instances', problems) }
  if (whenDown !== 'allow' && whenDown !== 'deny' && whenDown !== 'memory') {
    problems.push(`whenDown is ${shown(whenDown)}; use 'allow', 'deny' or 'memory'`)
  }
  return {
    kind: 'rateLimit',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown,
    common,
    options: settings,
    facts: {
      algorithm: policy.algorithm,
      limit: policy.limit,
      window: formatDuration(policy.windowMs),
      ...(policy.algorithm === 'token-bucket' && { burst: policy.capacity }),
      ...(whenDown === 'memory' && { instances: settings.instances }),
    },
    problems,
  }
}
