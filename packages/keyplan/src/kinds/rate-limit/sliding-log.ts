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
  lua: {
    text: false,
    figures: ['used', 'left', 'room'],
    found: ['first', 'ended', 'at', 'before', 'after'],
    begin: `
local span = format('%.0f', window)
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
  return fault(call('RPUSH', key, packed('<ddd', at, before, after)))
end
local function give_back(key, units, used, at)
  local back = min(units, used)
  if back == used then return fault(call('DEL', key)) end
  while back > 0 do
    local time, before, after = unpacked('<ddd', call('RPOP', key))
    if after - before > back then push(key, time, before, after - back) end
    back = max(0, back - (after - before))
  end
  return fault(call('PEXPIRE', key, read(key, -1) + window - max(now, at)))
end`,
    look: `
used, left, room = 0, 0, 0
local newest = call('LINDEX', key, -1)
if type(newest) == 'table' then
  failure = newest.err
elseif newest and #newest ~= 24 then
  failure = 'ERR value is not a log'
elseif newest then
  at, before, after = unpacked('<ddd', newest)
  local present = max(now, at)
  if at + window <= present then
    ended = true
  else
    first = 0
    local oldest, base = read(key, 0)
    if oldest + window <= present then
      first = seek(key, 1, call('LLEN', key) - 1, function(time) return time + window > present end)
      oldest, base = read(key, first)
    end
    used, left = after - base, at + window - present
    local excess = used + asked - limit
    if excess > 0 then
      local last = call('LLEN', key) - 1
      room = read(key, seek(key, first, last, function(_, _, upto) return upto - base >= excess end)) + window - present
    end
  end
end`,
    fits: 'used + asked <= limit',
    take: `
if cost < 0 then
  if first then failure = give_back(key, -cost, used, at) end
else
  if ended then call('DEL', key) end
  if not first then
    failure = push(key, now, 0, cost)
  elseif at >= now then
    failure = fault(call('LSET', key, -1, packed('<ddd', at, before, after + cost)))
  else
    failure = push(key, now, after, after + cost)
  end
  if not failure then
    if first and first > 0 then call('LTRIM', key, first, -1) end
    used, left, failure = used + cost, window, fault(call('PEXPIRE', key, span))
  end
end`,
  },
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
