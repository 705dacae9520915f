import { script } from '../../redis/script.ts'
import { answer, fail, figures } from './figures.ts'
import { countBase } from './fixed-window.ts'

/**
 * The common call, many keys at once: each takes from a fixed window of one policy, and nothing beyond it. `costs` is empty
 * when every cost is 1.
 *
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
