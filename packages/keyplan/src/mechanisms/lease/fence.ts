/** A fence outlives what it guards by far, so that it does not start anew from the clock. Milliseconds. */
export const fenceTtl = (ttlMs: number): number => Math.max(30 * 86_400_000, 100 * ttlMs)

/**
 * Lua: `instant`, the microseconds of the server's clock as text, the same as the number `micros`, and `now`, its whole
 * milliseconds. They fit a Lua number until the year 2255. The text is put together, since Lua takes long to print large numbers.
 */
export const clockNow = `
local time = redis.call('TIME')
local instant = time[1] .. string.sub('00000' .. time[2], -6)
local micros = tonumber(instant)
local now = math.floor(micros / 1000)
`

/**
 * Lua: `clockNow` and `next_fence`, the larger of the last one plus 1 and the server's time in microseconds: it grows also
 * when its key was lost, unless the clock was turned back as well. `advance` does that to a counter, in one command unless the
 * clock is behind it.
 */
export const fencing = `${clockNow}
local function next_fence(last)
  return string.format('%.0f', math.max((tonumber(last or 0) or 0) + 1, micros))
end
local function advance(counter, life)
  local last = redis.call('SET', counter, instant, 'PX', life, 'GET')
  if (tonumber(last or 0) or 0) < micros then return instant end
  local number = next_fence(last)
  redis.call('SET', counter, number, 'PX', life)
  return number
end
`
