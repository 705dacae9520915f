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
  lua: {
    text: true,
    figures: ['current', 'previous', 'elapsed'],
    found: ['index', 'lives'],
    begin: `
local present = floor(now / window)
local gone = now - present * window
local room = limit * window`,
    look: `
current, previous, elapsed, index = 0, 0, gone, present
if state then
  if #state == 24 then
    local at, earlier, later = unpacked('<ddd', state)
    if at == present then
      current, previous, lives = later, earlier, true
    elseif at == present - 1 then
      previous = later
    elseif at == present + 1 then
      current, previous, elapsed, index, lives = later, earlier, 0, at, true
    end
  else
    failure = 'ERR value is not a sliding window'
  end
end`,
    fits: '(current + asked) * window + previous * (window - elapsed) <= room',
    take: `
current = current + cost
if current < 0 then previous, current = max(0, previous + current), 0 end
if current > ${mostTaken} then current = ${mostTaken} end
if current + previous == 0 then
  failure = fault(call('DEL', key))
elseif lives then
  -- Within a window the time to live stays what it is, which costs half.
  failure = call('SET', key, packed('<ddd', index, previous, current), 'KEEPTTL').err
else
  failure = call('SET', key, packed('<ddd', index, previous, current), 'PXAT', (index + 2) * window).err
end`,
  },
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
