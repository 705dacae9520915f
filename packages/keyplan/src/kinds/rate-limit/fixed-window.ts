import type { RateLimitResult } from './contract.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { Taking } from './taking.ts'

/**
 * The answer of a window that begins with its first unit. In one window at most `limit` units pass; in a stretch of
 * the window's length that lies across two windows up to twice as many.
 *
 * @param used units consumed, this call's included when it fits
 * @param leftMs until the window ends; without meaning when nothing was consumed
 */
export function fixedWindowResult(
  fits: boolean,
  used: number,
  leftMs: number,
  { limit, windowMs }: RateLimitPolicy,
): RateLimitResult {
  // In the last millisecond of its window a key still exists and has no time left.
  const resetMs = used > 0 ? leftMs || 1 : 0
  if (fits) return { allowed: true, limit, remaining: limit - used, resetMs, retryAfterMs: 0 }
  return { allowed: false, limit, remaining: Math.max(0, limit - used), resetMs, retryAfterMs: resetMs || windowMs }
}

export interface FixedWindow {
  readonly used: number
  readonly until: number
}

export function takeFromFixedWindow(
  entry: FixedWindow | undefined,
  cost: number,
  now: number,
  policy: RateLimitPolicy,
): Taking<FixedWindow> {
  const used = entry?.used ?? 0
  const until = entry?.until ?? now + policy.windowMs
  const fits = used + (cost || 1) <= policy.limit
  const taken = fits ? cost : 0
  return {
    result: fixedWindowResult(fits, used + taken, until - now, policy),
    entry: taken > 0 ? { used: used + taken, until } : undefined,
  }
}
