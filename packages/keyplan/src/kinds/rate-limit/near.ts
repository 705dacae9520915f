import type { Clock } from '../../base/clock.ts'
import type { RateLimitResult } from './contract.ts'
import { windowShape } from './fixed-window.ts'
import type { RateLimitPolicy } from './policy.ts'
import { type Part, partsOf, type Request } from './store.ts'

/** What this process knows to be used up: it is denied without asking, for a while. */
export interface Near {
  /** The answer to a request that cannot be allowed yet. */
  denial(key: string, policy: RateLimitPolicy, cost: number): RateLimitResult | undefined
  /** A request is about to be sent: gives what its answer must be noted with. */
  mark(): Mark
  note(mark: Mark, request: Request, answer: RateLimitResult): void
  /** This process gives back or resets: called before that is sent and after it is done. */
  forget(key: string): void
}

interface Mark {
  readonly at: number
  readonly changes: number
}

interface Denial {
  readonly policy: Request['policy']
  readonly cost: number
  readonly at: number
  readonly until: number
  readonly answer: RateLimitResult
}

const mostKept = 10_000

/**
 * A denied cost stays denied until `retryAfterMs` is over, counted from before it was asked, whatever others take. A smaller
 * one, or another limit, is asked for. An answer that was under way while something was given back is not believed. Of several
 * limits of a key the one that denies for longest counts, and their parts are what they were.
 */
export function createNear(clock: Clock, nearMs: number): Near {
  const denials = new Map<string, Denial>()
  let changes = 0

  return {
    denial(key, policy, cost) {
      const found = denials.get(key)
      if (!found) return undefined
      const now = clock.now()
      if (now >= found.until) denials.delete(key)
      else if (cost >= found.cost && policy === found.policy) return later(found.answer, now - found.at)
      return undefined
    },
    mark: () => ({ at: clock.now(), changes }),
    note(mark, request, answer) {
      const { key, policy, cost } = request
      const rounding = request.more ? Math.max(...partsOf(request).map(roundingOf)) : roundingOf(request)
      const until = mark.at + Math.min(nearMs, answer.retryAfterMs - rounding)
      if (mark.changes !== changes || until <= clock.now()) return
      denials.delete(key)
      if (denials.size >= mostKept) denials.delete(denials.keys().next().value!)
      denials.set(key, { policy, cost, at: mark.at, until, answer })
    },
    forget(key) {
      changes++
      denials.delete(key)
    },
  }
}

/** Moments are told in whole milliseconds, or grains of a long window, of which one may have gone by. */
const roundingOf = ({ policy }: Part) => (policy.algorithm === 'fixed-window' ? windowShape(policy).grain : 1)

function later(
  { allowed, limit, remaining, resetMs, retryAfterMs, parts }: RateLimitResult,
  ms: number,
): RateLimitResult {
  const answer = {
    allowed,
    limit,
    remaining,
    resetMs: allowed ? Math.max(0, Math.ceil(resetMs - ms)) : Math.max(1, Math.ceil(resetMs - ms)),
    retryAfterMs: allowed ? 0 : Math.max(1, Math.ceil(retryAfterMs - ms)),
  }
  return parts ? { ...answer, parts: parts.map(part => later(part, ms)) } : answer
}
