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
  text: true,
  lua: `function(limit, window)
  local present = floor(now / window)
  local elapsed = now - present * window
  local function look(_, _, state)
    if not state then return nil, 0, 0, elapsed, present end
    if #state ~= 24 then return 'ERR value is not a sliding window' end
    local at, earlier, later = unpacked('<ddd', state)
    if at == present then return nil, later, earlier, elapsed, at, true end
    if at == present - 1 then return nil, 0, later, elapsed, present end
    if at == present + 1 then return nil, later, earlier, 0, at, true end
    return nil, 0, 0, elapsed, present
  end
  local function fits(cost, current, previous, gone)
    return (current + cost) * window + previous * (window - gone) <= limit * window
  end
  local function take(key, cost, current, previous, gone, index, lives)
    current = current + cost
    if current < 0 then previous = max(0, previous + current) end
    current = max(0, min(${mostTaken}, current))
    local failure
    if current + previous == 0 then
      failure = fault(call('DEL', key))
    elseif lives then
      -- Within a window the time to live stays what it is, which costs half.
      failure = call('SET', key, packed('<ddd', index, previous, current), 'KEEPTTL').err
    else
      failure = call('SET', key, packed('<ddd', index, previous, current), 'PXAT', (index + 2) * window).err
    end
    return failure, current, previous, gone
  end
  return look, fits, take
end`,
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
