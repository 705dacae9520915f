import type { Algorithm, Entry } from './algorithm.ts'

/** What was taken in one millisecond, between two readings of a count that only grows. */
interface Taking {
  readonly at: number
  readonly before: number
  readonly after: number
}

export interface SlidingLog extends Entry {
  /** Oldest first. */
  readonly takings: readonly Taking[]
}

/**
 * The exact one: each taking is remembered until it is older than the window, so in no stretch of the window's length do
 * more than `limit` units pass. Memory grows with the number of milliseconds in which something was taken, not with the
 * units: about 30 bytes for each.
 *
 * Figures: what is used, milliseconds until all of it has left, milliseconds until there is room for what was asked.
 *
 * Key: a list of time, count before and count after, as packed doubles, oldest first. The count only grows, so what lies between any two
 * entries is one subtraction, and places in the list are found by bisection. It lives until its newest entry has left. A
 * clock that went back stands still until it has caught up.
 */
export const slidingLog: Algorithm<SlidingLog> = {
  lua: `(function()
  local function read(key, index)
    return unpacked('<ddd', call('LINDEX', key, index))
  end
  local function seek(key, low, high, found)
    while low < high do
      local middle = floor((low + high) / 2)
      if found(read(key, middle)) then high = middle else low = middle + 1 end
    end
    return low
  end
  local function push(key, at, before, after)
    return call('RPUSH', key, packed('<ddd', at, before, after))
  end
  return {
    look = function(key, p, asked)
      local newest = call('LINDEX', key, -1)
      if type(newest) == 'table' then return newest end
      if not newest then return { 0, 0, 0 } end
      if #newest ~= 24 then return { err = 'ERR value is not a log' } end
      local at, before, after = unpacked('<ddd', newest)
      local present = max(now, at)
      local function stays(time) return time + p.window > present end
      if not stays(at) then return { 0, 0, 0, ended = true } end
      local s = { 0, at + p.window - present, 0, lives = true, at = at, before = before, after = after }
      local first, start = 0, 0
      local oldest, base = read(key, 0)
      if not stays(oldest) then
        first = seek(key, 1, call('LLEN', key) - 1, stays)
        oldest, base = read(key, first)
      end
      s.first, s[1] = first, s.after - base
      local excess = s[1] + asked - p.limit
      if excess > 0 then
        local last = call('LLEN', key) - 1
        local function frees(_, _, upto) return upto - base >= excess end
        s[3] = read(key, seek(key, first, last, frees)) + p.window - present
      end
      return s
    end,
    fits = function(s, cost, p) return s[1] + cost <= p.limit end,
    take = function(key, s, cost, p)
      local failure
      if not s.lives then
        if cost < 0 then return end
        if s.ended then call('DEL', key) end
        failure = push(key, now, 0, cost)
      elseif cost < 0 then
        local back = min(-cost, s[1])
        if back == s[1] then return call('DEL', key) end
        while back > 0 do
          local at, before, after = unpacked('<ddd', call('RPOP', key))
          if after - before > back then push(key, at, before, after - back) end
          back = max(0, back - (after - before))
        end
        return call('PEXPIRE', key, format('%.0f', read(key, -1) + p.window - max(now, s.at)))
      elseif s.at >= now then
        failure = call('LSET', key, -1, packed('<ddd', s.at, s.before, s.after + cost))
      else
        failure = push(key, now, s.after, s.after + cost)
      end
      if type(failure) == 'table' and failure.err then return failure end
      if s.first and s.first > 0 then call('LTRIM', key, s.first, -1) end
      s[1], s[2] = s[1] + cost, p.window
      return call('PEXPIRE', key, p.window)
    end,
  }
end)()`,
  look(entry, now, { windowMs, limit }, asked) {
    const takings = entry?.takings.filter(({ at }) => at + windowMs > now) ?? []
    const [oldest] = takings
    const newest = takings.at(-1)
    if (!oldest || !newest) return [0, 0, 0]
    const used = newest.after - oldest.before
    const excess = used + asked - limit
    const frees = excess > 0 ? takings.find(({ after }) => after - oldest.before >= excess) : undefined
    return [used, newest.at + windowMs - now, (frees ?? newest).at + windowMs - now]
  },
  fits: ([used], cost, { limit }) => used + cost <= limit,
  take(entry, _, cost, now, { windowMs }) {
    const live = entry?.takings.filter(({ at }) => at + windowMs > now) ?? []
    const takings = cost < 0 ? givenBack(live, -cost) : added(live, cost, now)
    const newest = takings.at(-1)
    return newest && { takings, until: newest.at + windowMs }
  },
  result(fits, [used, leftMs, roomMs], asked, { limit, windowMs }) {
    const remaining = Math.max(0, limit - used)
    if (fits) return { allowed: true, limit, remaining, resetMs: leftMs, retryAfterMs: 0 }
    return { allowed: false, limit, remaining, resetMs: leftMs, retryAfterMs: asked > limit ? windowMs : roomMs }
  },
  taken: ([used]) => used,
}

function added(takings: readonly Taking[], cost: number, now: number): Taking[] {
  const newest = takings.at(-1)
  const before = newest?.after ?? 0
  if (newest?.at === now) return [...takings.slice(0, -1), { ...newest, after: before + cost }]
  return [...takings, { at: now, before, after: before + cost }]
}

/** The newest are given back first, so that what remains leaves when it would have. */
function givenBack(takings: readonly Taking[], units: number): Taking[] {
  const kept = [...takings]
  let back = units
  for (let newest = kept.pop(); newest; newest = kept.pop()) {
    const size = newest.after - newest.before
    if (size > back) return [...kept, { ...newest, after: newest.after - back }]
    back -= size
  }
  return []
}
