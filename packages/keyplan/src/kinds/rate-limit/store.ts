import type { Call } from '../../base/call.ts'
import type { KeyplanError } from '../../base/error.ts'
import type { Operations } from '../../guard/operation.ts'
import type { RateLimitResult } from './contract.ts'
import type { Ledger } from './ledger.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { RateLimitWhenDown } from './settings.ts'

/** The namespace that a part belongs to, as far as its counts depend on it. */
export interface Home {
  readonly name: string
  readonly whenDown: RateLimitWhenDown
  /** What this process counts by itself: everything where there is no server, else what it allows during an outage. */
  readonly ledger: Ledger
  /** How many processes share the limit. */
  instances(): number
}

/** One key of a request, and what is asked of it, in steps. */
export interface Part {
  readonly key: string
  /** Where its block is kept, if the policy can block. */
  readonly blockKey: string | undefined
  readonly policy: RateLimitPolicy
  readonly cost: number
  readonly home: Home
}

/** Its first part, and further ones: all or nothing. Their keys lie in one slot. */
export interface Request extends Part {
  readonly more: readonly Part[] | undefined
  /** It was asked together with limits of other keys, of which a list may have decided about some. */
  readonly joined?: boolean
  /** Takes, or with a negative cost gives back, whether it fits or not. */
  readonly forced: boolean
}

/** The answer to one request; an error concerns it alone. */
export type Decision = RateLimitResult | KeyplanError

/** Each step is atomic. Time is the store's own, never the caller's. */
export interface RateLimitStore {
  /**
   * Decides on each request in order, on a key as often as it is named. What is denied consumes nothing, from none of its
   * keys; a cost of 0 writes nothing. Every key it writes has a time to live from the same step on, until it is as if never
   * used or, of a bucket, an eighth of the time to refill it longer. A request that cannot be counted fails alone.
   */
  consume(call: Call, requests: readonly Request[]): Promise<readonly Decision[]>
  /** Consume, of requests whose costs are all 0. */
  peek(call: Call, requests: readonly Request[]): Promise<readonly Decision[]>
  /** Leaves all keys of the part's request, and their blocks, as if never used. */
  reset(call: Call, request: Request): Promise<void>
  /** Blocks the first key for `forMs`, longer if it is repeated. Gives the milliseconds until the block ends. */
  block(call: Call, request: Request, forMs: number): Promise<number>
}

/** A limit stands in front of other work: where `whenDown` has an answer, nobody waits long for a better one. */
const patienceMs = 500

export const rateLimitOperations: Operations<RateLimitStore> = {
  consume: { idempotent: false, write: true, attempt: patienceMs },
  peek: { idempotent: true, write: false, attempt: patienceMs },
  reset: { idempotent: true, write: true },
  block: { idempotent: false, write: true },
}

/** The parts of a request, in order. */
export const partsOf = (request: Request): readonly Part[] => (request.more ? [request, ...request.more] : [request])
