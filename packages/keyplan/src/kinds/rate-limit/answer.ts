import type { Usage } from './algorithm.ts'
import { algorithms } from './algorithms.ts'
import type { RateLimitResult } from './contract.ts'
import type { Part, Request } from './store.ts'

/**
 * What a store found out about a part, as an answer in units.
 *
 * @param verdict 1 if it fits, 0 if not, or minus the milliseconds it is blocked for
 */
export function answerOf({ policy, cost }: Part, forced: boolean, verdict: number, usage: Usage): RateLimitResult {
  const asked = forced || cost === 0 ? 1 : cost
  const answer = algorithms[policy.algorithm].result(verdict === 1, usage, asked, policy)
  return inUnits(verdict < 0 ? blocked(answer, -verdict) : answer, policy.scale)
}

const blocked = ({ limit, resetMs }: RateLimitResult, forMs: number): RateLimitResult => ({
  allowed: false,
  limit,
  remaining: 0,
  resetMs: Math.max(resetMs, forMs),
  retryAfterMs: forMs,
})

function inUnits(answer: RateLimitResult, scale: number): RateLimitResult {
  if (scale === 1) return answer
  return { ...answer, limit: answer.limit / scale, remaining: answer.remaining / scale }
}

/**
 * The answer to several limits at once: it is allowed if all allow it, and says of the tightest what it would say alone.
 * That is the one that denies for longest, or else the one that has least left.
 */
export function combined(parts: readonly RateLimitResult[]): RateLimitResult {
  const [first] = parts
  if (parts.length === 1 && first) return first
  const allowed = parts.every(part => part.allowed)
  const tightest = parts.reduce((found, part) => {
    if (found.allowed !== part.allowed) return found.allowed ? part : found
    const closer = part.allowed ? part.remaining < found.remaining : part.retryAfterMs > found.retryAfterMs
    return closer ? part : found
  })
  const answer = { parts, ...tightest, allowed }
  return parts.some(part => part.degraded) ? { degraded: true, ...answer } : answer
}

/** One answer for each request from one for each of their parts. */
export function perRequest<T>(requests: readonly Request[], of: (request: Request, at: number) => T): T[] {
  let at = 0
  return requests.map(request => {
    const begin = at
    at += 1 + (request.more?.length ?? 0)
    return of(request, begin)
  })
}
