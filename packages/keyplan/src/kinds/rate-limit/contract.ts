import type { CallOptions } from '../../base/call.ts'
import type { Duration } from '../../base/duration.ts'
import type { Declaration, NamespaceOptions } from '../../plan/declaration.ts'
import type { Params } from '../../plan/params.ts'
import type { PolicyOptions } from './policy.ts'
import type { CommonOptions, RateLimitSettings, RateLimitWhenDown } from './settings.ts'
import type { LimitOverride } from './tiers.ts'

type None<T> = { [Name in keyof T]?: undefined }

/** One limit, or several that are decided on together: what one of them denies is taken from none. */
export type RateLimitOptions<Param extends string = string, Tier extends string = string> = NamespaceOptions<Param> &
  CommonOptions<Param, Tier> &
  (
    | (PolicyOptions & { limits?: undefined })
    | (None<PolicyOptions> & {
        /** 1 to 8, of different windows. */
        limits: readonly PolicyOptions[]
      })
  )

export interface RateLimitDeclaration<P extends string = string, Tier extends string = string>
  extends Declaration<'rateLimit', P, RateLimitNamespace<P, Tier>> {
  readonly whenDown: RateLimitWhenDown
  readonly options: RateLimitSettings
}

declare const declareThem: unique symbol

/** What stands for the name of a tier where none is declared, so that TypeScript says so. */
interface NoTiersAreDeclared {
  readonly [declareThem]: never
}

/** Another limit than the declared one, by the name of its tier or as figures. */
export type Terms<Tier extends string = string> =
  | (LimitOverride & { tier?: ([Tier] extends [never] ? NoTiersAreDeclared : undefined) | undefined })
  | { readonly tier: Tier; readonly limit?: undefined; readonly burst?: undefined }

/**
 * `redis.<namespace>` of a rate limit.
 *
 * @throws KeyplanError PARAM_INVALID for parameters, a tier or a limit that it does not know how to take
 */
export type RateLimitNamespace<P extends string = string, Tier extends string = string> = (
  params: Params<P>,
  terms?: Terms<Tier>,
) => RateLimit

export interface ConsumeOptions extends CallOptions {
  /**
   * Units to consume: from 0 to the limit (the burst of a bucket), whole unless `decimals` are declared. 0 consumes
   * nothing and answers as `peek` does. Default: 1.
   */
  cost?: number | undefined
  /**
   * The longest to wait until it is allowed. Who waits for a key waits in line, first come first served in this process;
   * who does not wait does not stand in line. Where waiting so long cannot help, it is denied at once. A waiting call has
   * no `deadline` of its own. Default: it does not wait.
   */
  wait?: Duration | undefined
}

/** One limit or several. Calls made in one turn of the event loop share a round trip, unless they have own options. */
export interface RateLimit {
  /**
   * Consumes units if all of them are to be had, else none.
   *
   * @throws KeyplanError PARAM_INVALID when `cost` is none, or is above the limit and could never be allowed; WRONG_TYPE
   * when the key holds something else; CROSS_SLOT; never because the limit is used up
   */
  consume(options?: ConsumeOptions): Promise<RateLimitResult>
  /** What consuming one unit would answer, with the units that remain before it. Consumes nothing. */
  peek(options?: CallOptions): Promise<RateLimitResult>
  /**
   * Consumes units whether they are to be had or not, as after a failed login. What a peek would then say is answered.
   *
   * @param units above 0, at most 1,000,000,000 steps. Default: 1
   */
  penalty(units?: number, options?: CallOptions): Promise<RateLimitResult>
  /**
   * Gives back units of what counts at that moment, at most all of it; the newest first. Whose they are is not known: after the
   * window in which they were consumed has ended, they make room in the one that runs then. What a peek would then say is
   * answered.
   *
   * @param units above 0, at most 1,000,000,000 steps. Default: 1
   */
  reward(units?: number, options?: CallOptions): Promise<RateLimitResult>
  /**
   * Denies everything for a time, whatever remains: `duration`, or the declared `block.for`, grown by `block.factor` for
   * each block that went before. A block never ends before one that stands. `reset` ends it.
   *
   * @throws KeyplanError UNSUPPORTED when the namespace declares no `block`; when Redis cannot be asked, unless
   * `whenDown` is `memory`
   */
  block(duration?: Duration, options?: CallOptions): Promise<RateLimitResult>
  /**
   * Forgets what was consumed, and that the key was blocked.
   *
   * @throws KeyplanError when Redis cannot be asked, whatever `whenDown` says
   */
  reset(options?: CallOptions): Promise<void>
  /**
   * This limit and others of the same client as one, in one atomic step: what one of them denies is taken from none. On a
   * cluster their keys must share a slot, by the same tag in their patterns: `rate:{api}:<ip>`.
   *
   * @throws KeyplanError PARAM_INVALID when one of them is no rate limit of this client, or counts the same key
   */
  with(...others: readonly RateLimit[]): RateLimit
}

export interface RateLimitResult {
  readonly allowed: boolean
  /** Units an unused key allows at once: the burst of a bucket, else the limit. */
  readonly limit: number
  /** Units that could be consumed right now. */
  readonly remaining: number
  /** Milliseconds until all of `limit` is free again if nothing more is consumed. 0 for an unused key. */
  readonly resetMs: number
  /** Milliseconds after which the same cost is allowed if nobody else consumes. 0 when it was allowed. */
  readonly retryAfterMs: number
  /** Redis could not be asked: `whenDown` has answered. */
  readonly degraded?: true
  /**
   * Of one of several limits: it was not asked, since the list of another one denies. The figures are those of an unused key.
   */
  readonly unasked?: true
  /** Of several limits: the answer of each, in order. The other figures are those of the tightest. */
  readonly parts?: readonly RateLimitResult[]
}
