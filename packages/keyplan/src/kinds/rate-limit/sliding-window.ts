import type { RateLimitResult } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { Taking } from './taking.ts'

/**
 * The answer of the sliding window counter: the units of the window before count by the share of it that the last
 * `window` still covers, on the assumption that they were spread evenly.
 *
 * No aligned window passes more than `limit`. For a stretch of the window's length that reaches `elapsed` into the
 * current window the bound is `limit × (1 + elapsed ÷ window)`: exact for even traffic and at the edge, and less than
 * twice the limit when a full burst at the very end of one window is followed by steady use.
 *
 * Source: J. Desgats, "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017.
 *
 * @param current units of the current window, this call's included when it fits
 * @param elapsed milliseconds since the current window began
 */
export function slidingWindowResult(
  fits: boolean,
  current: number,
  previous: number,
  elapsed: number,
  cost: number,
  { limit, windowMs }: RateLimitPolicy,
): RateLimitResult {
  const weighted = previous * (windowMs - elapsed)
  const remaining = Math.max(0, Math.floor(((limit - current) * windowMs - weighted) / windowMs))
  const toNext = windowMs - elapsed
  const resetMs = current > 0 ? toNext + windowMs : previous > 0 ? toNext : 0
  if (fits) return { allowed: true, limit, remaining, resetMs, retryAfterMs: 0 }
  const retryAfterMs =
    current + cost <= limit
      ? fadeMs(previous, limit - current - cost, windowMs) - elapsed
      : toNext + Math.max(0, fadeMs(current, limit - cost, windowMs))
  return { allowed: false, limit, remaining, resetMs, retryAfterMs: Math.max(1, retryAfterMs) }
}

/** Milliseconds into a window after which `units` of the one before count for no more than `room`. */
function fadeMs(units: number, room: number, windowMs: number): number {
  return units > 0 ? windowMs - Math.floor((room * windowMs) / units) : 0
}

export interface SlidingWindow {
  readonly index: number
  readonly current: number
  readonly previous: number
  readonly until: number
}

export function takeFromSlidingWindow(
  entry: SlidingWindow | undefined,
  cost: number,
  now: number,
  policy: RateLimitPolicy,
): Taking<SlidingWindow> {
  const { limit, windowMs } = policy
  const index = Math.floor(now / windowMs)
  const elapsed = now - index * windowMs
  const isCurrent = entry?.index === index
  const current = isCurrent ? entry.current : 0
  const previous = isCurrent ? entry.previous : entry?.index === index - 1 ? entry.current : 0
  const asked = cost || 1
  const fits = (current + asked) * windowMs + previous * (windowMs - elapsed) <= limit * windowMs
  const taken = fits ? cost : 0
  return {
    result: slidingWindowResult(fits, current + taken, previous, elapsed, asked, policy),
    entry: taken > 0 ? { index, current: current + taken, previous, until: (index + 2) * windowMs } : undefined,
  }
}
