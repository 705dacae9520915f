/** A fence outlives what it guards by far, so that it does not start anew from the clock. Milliseconds. */
export const fenceTtl = (ttlMs: number): number => Math.max(30 * 86_400_000, 100 * ttlMs)

/** Lua: `now`, whole milliseconds on the server's clock, and the same in `micros`. They fit a Lua number until the year 2255. */
export const clockNow = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
`

/**
 * Lua: `clockNow` and `next_fence`, the larger of the last one plus 1 and the server's time in microseconds: it grows also
 * when its key was lost, unless the clock was turned back as well.
 */
export const fencing = `${clockNow}
local function next_fence(last)
  return string.format('%.0f', math.max((tonumber(last or 0) or 0) + 1, micros))
end
`
