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

/**
 * Above all counts, since a request may go over the largest limit by its cost before it is taken back. The same for
 * every limit, so that one can be changed while keys of the old one live.
 */
export const countBase = 2 ** 31

/** What a double, and so a number in Lua, holds exactly beside a count. */
const endBits = 53 - 31

/** How a fixed window is packed into one integer on the server: see `fixedWindowScript`. */
export interface WindowShape {
  /** Milliseconds that are told apart: 1, or for windows above 17 minutes about a millionth of the window. */
  readonly grain: number
  /** The window in grains. */
  readonly length: number
  /** Ends are kept modulo this, four windows or more, so that one ahead and one behind can be told apart. */
  readonly cycle: number
}

export function windowShape({ windowMs }: RateLimitPolicy): WindowShape {
  const bits = Math.ceil(Math.log2(windowMs + 1)) + 2
  const grainBits = Math.max(0, bits - endBits)
  const grain = 2 ** grainBits
  return { grain, length: Math.ceil(windowMs / grain), cycle: 2 ** (bits - grainBits) }
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
