import { type Algorithm, bounded, type Entry, mostTaken } from './algorithm.ts'

export interface SlidingWindow extends Entry {
  readonly index: number
  readonly current: number
  readonly previous: number
}

/**
 * The sliding window counter: the units of the window before count by the share of it that the last `window` still
 * covers, on the assumption that they were spread evenly.
 *
 * No aligned window passes more than `limit`. For a stretch of the window's length that reaches `elapsed` into the
 * current window the bound is `limit × (1 + elapsed ÷ window)`: exact for even traffic and at the edge, and less than
 * twice the limit when a full burst at the very end of one window is followed by steady use.
 *
 * Source: J. Desgats, "How we built rate limiting capable of scaling to millions of domains", Cloudflare, 2017.
 *
 * Figures: units in the window, units in the one before, milliseconds since it began.
 *
 * Key: index of the window, units in the window before, units in it, as packed doubles; windows are aligned to the epoch. It lives
 * until the window after its own has ended. A window that lies one ahead means that the clock went back across its edge:
 * counting goes on in it. One further ahead means that the clock was set back, and nothing is known of the present.
 */
export const slidingWindow: Algorithm<SlidingWindow> = {
  lua: `{
  look = function(key, p)
    local present = floor(now / p.window)
    local s = { 0, 0, now - present * p.window, index = present }
    local state = call('GET', key)
    if type(state) == 'table' then return state end
    if not state then return s end
    if #state ~= 24 then return { err = 'ERR value is not a sliding window' } end
    local at, earlier, later = unpacked('<ddd', state)
    if at == present then
      s[1], s[2], s.lives = later, earlier, true
    elseif at == present - 1 then
      s[2] = later
    elseif at == present + 1 then
      s[1], s[2], s[3], s.index, s.lives = later, earlier, 0, at, true
    end
    return s
  end,
  fits = function(s, cost, p) return (s[1] + cost) * p.window + s[2] * (p.window - s[3]) <= p.limit * p.window end,
  take = function(key, s, cost, p)
    local current = s[1] + cost
    if current < 0 then s[2] = max(0, s[2] + current) end
    s[1] = max(0, min(${mostTaken}, current))
    if s[1] + s[2] == 0 then return call('DEL', key) end
    local value = packed('<ddd', s.index, s[2], s[1])
    -- Within a window the time to live stays what it is, which costs half.
    if s.lives then return call('SET', key, value, 'KEEPTTL') end
    return call('SET', key, value, 'PXAT', format('%.0f', (s.index + 2) * p.window))
  end,
}`,
  look(entry, now, { windowMs }) {
    const index = Math.floor(now / windowMs)
    const isCurrent = entry?.index === index
    const current = isCurrent ? entry.current : 0
    const previous = isCurrent ? entry.previous : entry?.index === index - 1 ? entry.current : 0
    return [current, previous, now - index * windowMs]
  },
  fits: ([current, previous, elapsed], cost, { limit, windowMs }) =>
    (current + cost) * windowMs + previous * (windowMs - elapsed) <= limit * windowMs,
  take(_, [current, previous, elapsed], cost, now, { windowMs }) {
    const index = (now - elapsed) / windowMs
    const sum = current + cost
    const kept = { current: bounded(sum), previous: Math.max(0, previous + Math.min(0, sum)) }
    return kept.current + kept.previous > 0 ? { index, ...kept, until: (index + 2) * windowMs } : undefined
  },
  result(fits, [current, previous, elapsed], cost, { limit, windowMs }) {
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
  },
  taken: ([current, previous, elapsed], { windowMs }) =>
    current + Math.ceil((previous * (windowMs - elapsed)) / windowMs),
}

/** Milliseconds into a window after which `units` of the one before count for no more than `room`. */
function fadeMs(units: number, room: number, windowMs: number): number {
  return units > 0 ? windowMs - Math.floor((room * windowMs) / units) : 0
}
