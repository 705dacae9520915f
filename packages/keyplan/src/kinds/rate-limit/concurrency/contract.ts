import type { CallOptions } from '../../../base/call.ts'
import { collect } from '../../../base/collect.ts'
import { type Duration, durationMs, formatDuration } from '../../../base/duration.ts'
import { shown } from '../../../base/error.ts'
import { type Declaration, type NamespaceOptions, optionProblems } from '../../../plan/declaration.ts'
import type { ParamName, Params } from '../../../plan/params.ts'
import type { RateLimitResult } from '../contract.ts'
import { wholeNumber } from '../policy.ts'
import { checkWhenDown, type RateLimitWhenDown } from '../settings.ts'

/** How much may go on at once. What holds a permit says so again and again; what has crashed is free after its lease. */
export interface ConcurrencyOptions<Param extends string = string> extends NamespaceOptions<Param> {
  algorithm: 'concurrency'
  /** Permits that may be held at once, 1 to 1,000,000. */
  limit: number
  /** How long a permit outlives its process. It is renewed every third of that. 1s or more. Default: 30s. */
  lease?: Duration
  /** Default: `allow`. With `memory` a process lets its share of the limit through; none of that is told to Redis. */
  whenDown?: RateLimitWhenDown
  /** With `whenDown: 'memory'`: how many processes share the limit. Default: as many as are alive. */
  instances?: number
}

export interface ConcurrencySettings {
  readonly limit: number
  readonly leaseMs: number
  readonly instances: number | undefined
}

export interface ConcurrencyDeclaration<P extends string = string>
  extends Declaration<'rateLimit', P, ConcurrencyNamespace<P>> {
  readonly whenDown: RateLimitWhenDown
  readonly options: ConcurrencySettings
}

/** `redis.<namespace>` of a concurrency limit. */
export type ConcurrencyNamespace<P extends string = string> = (params: Params<P>) => Concurrency

export interface ConcurrencyCallOptions extends CallOptions {
  /** The longest to wait for a permit, in line with others of this process. Default: it does not wait. */
  wait?: Duration | undefined
}

/** What may go on at once for one key. */
export interface Concurrency {
  /**
   * A permit, or why there is none: both say `allowed`, and both can be released, so that
   * `await using slot = await redis.exports({ user }).acquire()` needs no other care.
   *
   * @throws KeyplanError PARAM_INVALID, ABORTED, WRONG_TYPE; never because all permits are held
   */
  acquire(options?: ConcurrencyCallOptions): Promise<Permit | Refusal>
  /** What acquiring would answer. Acquires nothing. */
  peek(options?: CallOptions): Promise<RateLimitResult>
  /**
   * Ends all permits of the key. Their holders learn of it when they renew.
   *
   * @throws KeyplanError when Redis cannot be asked, whatever `whenDown` says
   */
  reset(options?: CallOptions): Promise<void>
}

/** In its figures `remaining` are the permits that are left, and `resetMs` is when the last of them ends by itself. */
export interface Permit extends RateLimitResult, AsyncDisposable {
  readonly allowed: true
  /** Fires when the permit is lost: ended by `reset`, not renewed in time, or the client was closed. */
  readonly signal: AbortSignal
  /** Renews it now. False when it is lost. */
  renew(): Promise<boolean>
  /**
   * Gives it back. Waits for half a second; then it goes on in the background, and what Redis cannot be told ends with the lease.
   * Never rejects; a second time does nothing.
   */
  release(): Promise<void>
}

/** `retryAfterMs` is when a permit ends unless it is renewed: one may be given back earlier, or all may be kept. */
export interface Refusal extends RateLimitResult, AsyncDisposable {
  readonly allowed: false
}

const ownOptions = ['algorithm', 'limit', 'lease', 'whenDown', 'instances'] as const

const mostPermits = 1_000_000

export function concurrencyDeclaration<P extends string>(
  pattern: P,
  options: ConcurrencyOptions<ParamName<P>>,
): ConcurrencyDeclaration<P> {
  const problems = optionProblems(options, ownOptions)
  const { algorithm: _, limit, lease = '30s', whenDown = 'allow', instances, ...common } = options
  const settings: ConcurrencySettings = {
    limit: wholeNumber(limit, 'limit', problems),
    leaseMs: collect(problems, () => durationMs(lease, 'lease', shown), 30_000),
    instances: instances === undefined ? undefined : wholeNumber(instances, 'instances', problems),
  }
  if (settings.limit > mostPermits) problems.push(`limit is ${limit}; at most ${mostPermits} permits are kept`)
  if (settings.leaseMs < 1_000) problems.push(`lease is ${shown(lease)}; it must be 1s or more`)
  checkWhenDown(whenDown, problems)
  return {
    kind: 'rateLimit',
    pattern,
    space: 'key',
    durability: 'durable',
    whenDown,
    common: common as NamespaceOptions,
    options: settings,
    facts: {
      algorithm: 'concurrency',
      limit: settings.limit,
      lease: formatDuration(settings.leaseMs),
      ...(whenDown === 'memory' && { instances: settings.instances ?? 'those alive' }),
    },
    problems,
  }
}
