import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'

/**
 * Each script decides on many keys, in order; `costs` is empty when every cost is 1. A key takes up the same number of
 * places in the reply: its figures, the first one as -1 - x when the request does not fit, or an error text and zeros.
 */
export type Figures = readonly (number | string)[]

const figures = (reply: Reply) => reply as Figures

/**
 * Key: the units consumed, a plain integer as INCR makes it. The time to live is the window.
 *
 * Counting first and taking back what does not fit costs two commands for what is allowed, which is the common case.
 * A time to live that is missing or longer than the window (the count was made by something else, or the server's
 * clock was set back) is set right.
 *
 * Figures: units consumed, milliseconds left.
 */
export const fixedWindowScript = script({
  name: 'rate-limit:fixed-window',
  keys: ['...keys'],
  args: ['limit', 'window', '...costs'],
  reply: figures,
  lua: `
local most, span = tonumber(limit), tonumber(window)
local call, reply, n = redis.pcall, {}, 0
for i = 1, #keys do
  local key, cost, used = keys[i], costs[i], nil
  if not cost then
    used = call('INCR', key)
  elseif cost ~= '0' then
    used = call('INCRBY', key, cost)
  else
    used = call('GET', key) or 0
    if type(used) == 'string' then used = tonumber(used) or { err = 'ERR value is not an integer' } end
  end
  if type(used) == 'table' then
    reply[n + 1], reply[n + 2] = used.err, 0
  else
    local left = call('PTTL', key)
    if left < 0 or left > span then
      left = span
      if cost ~= '0' then call('PEXPIRE', key, window) end
    end
    if cost == '0' then
      if used >= most then used = -1 - used end
    elseif used > most then
      used = -1 - call('DECRBY', key, cost or '1')
    end
    reply[n + 1], reply[n + 2] = used, left
  end
  n = n + 2
end
return reply
`,
})

/**
 * Key: `<index of the window> <units in the window before> <units in it>`; windows are aligned to the epoch. It lives
 * until the window after its own has ended.
 *
 * A window that lies one ahead means that the clock went back across its edge: counting goes on in it. One further
 * ahead means that the clock was set back, and nothing is known of the present.
 *
 * Figures: units in the window, units in the one before, milliseconds since it began.
 */
export const slidingWindowScript = script({
  name: 'rate-limit:sliding-window',
  keys: ['...keys'],
  args: ['limit', 'window', '...costs'],
  reply: figures,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, span = tonumber(limit), tonumber(window)
local present = math.floor(now / span)
local call, match, reply, n = redis.pcall, string.match, {}, 0
for i = 1, #keys do
  local key, cost = keys[i], tonumber(costs[i] or 1)
  local index, previous, current, elapsed = present, 0, 0, now - present * span
  local state = call('GET', key)
  if type(state) == 'string' then
    local at, earlier, later = match(state, '^(%d+) (%d+) (%d+)$')
    if at then
      at = tonumber(at)
      if at == present then
        previous, current = tonumber(earlier), tonumber(later)
      elseif at == present - 1 then
        previous = tonumber(later)
      elseif at == present + 1 then
        index, previous, current, elapsed = at, tonumber(earlier), tonumber(later), 0
      end
    else
      state = { err = 'ERR value is not a sliding window' }
    end
  end
  if type(state) ~= 'table' then
    local asked = cost > 0 and cost or 1
    if (current + asked) * span + previous * (span - elapsed) > most * span then
      current = -1 - current
    elseif cost > 0 then
      current = current + cost
      state = call('SET', key, index .. ' ' .. previous .. ' ' .. current, 'PXAT', (index + 2) * span)
    end
  end
  if type(state) == 'table' and state.err then
    reply[n + 1], reply[n + 2], reply[n + 3] = state.err, 0, 0
  else
    reply[n + 1], reply[n + 2], reply[n + 3] = current, previous, elapsed
  end
  n = n + 3
end
return reply
`,
})

/**
 * Key: `<level> <time it was so>`, the level in units × window. It lives until the bucket is full again. A clock that
 * went back refills nothing.
 *
 * Figures: the level.
 */
export const tokenBucketScript = script({
  name: 'rate-limit:token-bucket',
  keys: ['...keys'],
  args: ['limit', 'window', 'capacity', '...costs'],
  reply: figures,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate, span = tonumber(limit), tonumber(window)
local full = tonumber(capacity) * span
local call, match, format, reply = redis.pcall, string.match, string.format, {}
for i = 1, #keys do
  local key, cost, level = keys[i], tonumber(costs[i] or 1), full
  local state = call('GET', key)
  if type(state) == 'string' then
    local before, at = match(state, '^(%d+) (%d+)$')
    if before then
      level = math.min(full, before + math.max(0, now - at) * rate)
    else
      state = { err = 'ERR value is not a token bucket' }
    end
  end
  if type(state) ~= 'table' then
    if (cost > 0 and cost or 1) * span > level then
      level = -1 - level
    elseif cost > 0 then
      level = level - cost * span
      local ttl = math.ceil((full - level) / rate)
      state = call('SET', key, format('%.0f %.0f', level, now), 'PX', format('%.0f', ttl))
    end
  end
  reply[i] = type(state) == 'table' and state.err or level
end
return reply
`,
})
