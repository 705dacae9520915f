import { type Algorithm, bounded, type Entry, mostTaken } from './algorithm.ts'
import type { RateLimitPolicy } from './policy.ts'

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

export function windowShape({ windowMs }: Pick<RateLimitPolicy, 'windowMs'>): WindowShape {
  const bits = Math.ceil(Math.log2(windowMs + 1)) + 2
  const grainBits = Math.max(0, bits - endBits)
  const grain = 2 ** grainBits
  return { grain, length: Math.ceil(windowMs / grain), cycle: 2 ** (bits - grainBits) }
}

export interface FixedWindow extends Entry {
  readonly used: number
}

/**
 * A window begins with its first unit. In one window at most `limit` units pass; in a stretch of the window's length that
 * lies across two windows up to twice as many.
 *
 * Figures: what is used, milliseconds until the window ends.
 *
 * The key is the integer of `fixedWindowScript`, which answers the common call; this is for all others.
 */
export const fixedWindow: Algorithm<FixedWindow> = {
  lua: {
    text: true,
    figures: ['used', 'left'],
    found: ['lives'],
    begin: `
local present = floor(now / grain) % cycle`,
    look: `
used, left = 0, 0
if state then
  local value = match(state, '^%d+$') and tonumber(state)
  if value then
    local grains = ((value - value % ${countBase}) / ${countBase} - present) % cycle
    if grains <= cycle / 2 then
      used, left, lives = value % ${countBase}, min(window, grains * grain), grains <= length
    end
  else
    failure = 'ERR value is not an integer'
  end
end`,
    fits: 'used + asked <= limit',
    take: `
local before = used
used = max(0, min(${mostTaken}, before + cost))
if lives then
  failure = fault(call('INCRBY', key, format('%.0f', used - before)))
elseif used > 0 then
  left = window
  failure = call('SET', key, (present + length) % cycle * ${countBase} + used, 'PX', window).err
end`,
  },
  look: (entry, now) => [entry?.used ?? 0, entry ? entry.until - now : 0, 0],
  fits: ([used], cost, { limit }) => used + cost <= limit,
  take: (entry, [used], cost, now, { windowMs }) => {
    const sum = bounded(used + cost)
    return entry || sum > 0 ? { used: sum, until: entry?.until ?? now + windowMs } : undefined
  },
  result(fits, [used, leftMs], _, { limit, windowMs }) {
    // In the last millisecond of its window a key still exists and has no time left.
    const resetMs = used > 0 ? leftMs || 1 : 0
    const remaining = Math.max(0, limit - used)
    if (fits) return { allowed: true, limit, remaining, resetMs, retryAfterMs: 0 }
    return { allowed: false, limit, remaining, resetMs, retryAfterMs: resetMs || windowMs }
  },
  taken: ([used]) => used,
}
