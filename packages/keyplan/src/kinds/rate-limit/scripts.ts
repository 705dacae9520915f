import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { countBase } from './fixed-window.ts'

/**
 * What a script says of many keys: the same number of figures for each, the first one as -1 - x when the request does
 * not fit, and the error texts of the keys that could not be counted.
 */
export interface Figures {
  readonly count: number
  at(index: number): number
  /** By the place of the key among the keys. */
  readonly failures: ReadonlyMap<number, string> | undefined
}

const bytesOfFigure = 8

/** Figures travel as packed doubles: writing and reading them costs a tenth of what an array of integers does. */
function figures(reply: Reply): Figures {
  const [packed, ...rest] = (Array.isArray(reply) ? reply : [reply]) as [Buffer, ...(number | Buffer)[]]
  const failures = rest.length > 0 ? new Map<number, string>() : undefined
  for (let at = 0; at < rest.length; at += 2) failures?.set(Number(rest[at]), String(rest[at + 1]))
  return {
    count: packed.length / bytesOfFigure,
    at: index => packed.readDoubleLE(index * bytesOfFigure),
    failures,
  }
}

/** Each script decides on `keys` in order; `costs` is empty when every cost is 1. It leaves `n` figures in `reply`. */
const answer = `
local packed = struct.pack('<' .. string.rep('d', n), unpack(reply, 1, n))
if not failures then return packed end
table.insert(failures, 1, packed)
return failures
`

/** Notes the error of a key in Lua. */
const fail = (index: string, error: string) => `
failures = failures or {}
failures[#failures + 1], failures[#failures + 2] = ${index} - 1, ${error}
`

/**
 * Key: `(end of the window, in grains, modulo cycle) × countBase + units consumed`, one integer, so that INCR alone
 * counts and tells how long the window still lasts. See `windowShape` for the numbers.
 *
 * Counting first and taking back what does not fit costs two commands for what is allowed only when a window begins. A
 * window whose end lies further ahead than its length means that the clock was set back: it ends a length from now.
 * One whose end has passed, though the key is still there, has lost its time to live: it begins anew.
 *
 * Figures: units consumed, grains left.
 */
export const fixedWindowScript = script({
  name: 'rate-limit.fixed-window',
  keys: ['...keys'],
  args: ['limit', 'window', 'length', 'grain', 'cycle', '...costs'],
  reply: figures,
  lua: `
local time = redis.call('TIME')
local most, span, round, shift = tonumber(limit), tonumber(length), tonumber(cycle), ${countBase}
local now = math.floor((time[1] * 1000 + math.floor(time[2] / 1000)) / grain) % round
local call, reply, n, failures = redis.pcall, {}, 0, nil
for i = 1, #keys do
  local key, cost, state = keys[i], costs[i], nil
  if not cost then
    cost, state = 1, call('INCR', key)
  elseif cost ~= '0' then
    state = call('INCRBY', key, cost)
    cost = tonumber(cost)
  else
    cost, state = 0, call('GET', key) or 0
    if type(state) == 'string' then state = tonumber(state) or { err = 'ERR value is not an integer' } end
  end
  if type(state) == 'table' then
    reply[n + 1], reply[n + 2] = 0, 0
    ${fail('i', 'state.err')}
  else
    local used = state % shift
    local left = ((state - used) / shift - now) % round
    if state == cost or left > span then
      if state == cost or left > round / 2 then used = cost end
      left = span
      if cost > 0 then
        call('SET', key, string.format('%.0f', (now + span) % round * shift + used), 'PX', window)
      end
    end
    if cost == 0 then
      if used >= most then used = -1 - used end
    elseif used > most then
      call('DECRBY', key, cost)
      used = -1 - (used - cost)
    end
    reply[n + 1], reply[n + 2] = used, left
  end
  n = n + 2
end
${answer}`,
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
  name: 'rate-limit.sliding-window',
  keys: ['...keys'],
  args: ['limit', 'window', '...costs'],
  reply: figures,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local most, span = tonumber(limit), tonumber(window)
local present = math.floor(now / span)
local call, match, reply, n, failures = redis.pcall, string.match, {}, 0, nil
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
    reply[n + 1], reply[n + 2], reply[n + 3] = 0, 0, 0
    ${fail('i', 'state.err')}
  else
    reply[n + 1], reply[n + 2], reply[n + 3] = current, previous, elapsed
  end
  n = n + 3
end
${answer}`,
})

/**
 * Key: `<level> <time it was so>`, the level in units × window. It lives until the bucket is full again. A clock that
 * went back refills nothing.
 *
 * Figures: the level.
 */
export const tokenBucketScript = script({
  name: 'rate-limit.token-bucket',
  keys: ['...keys'],
  args: ['limit', 'window', 'capacity', '...costs'],
  reply: figures,
  lua: `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate, span = tonumber(limit), tonumber(window)
local full = tonumber(capacity) * span
local call, match, format, reply, n, failures = redis.pcall, string.match, string.format, {}, #keys, nil
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
  reply[i] = level
  if type(state) == 'table' and state.err then
    ${fail('i', 'state.err')}
  end
end
${answer}`,
})
