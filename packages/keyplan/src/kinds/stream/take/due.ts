/** Gives out again what is due, and finds what of it is no longer there: `again` holds six to an entry, `lost` two. */
export const takeDue = `
local lost, again = {}, {}
local lapses = now + tonumber(lease)
local left = false
local soonest = redis.call('ZRANGE', open, 0, 0, 'WITHSCORES')
local nextDue = tonumber(soonest[2] or nil)
local candidates = {}
if nextDue and nextDue <= now then
  candidates = redis.call('ZRANGEBYSCORE', open, '-inf', int(now), 'LIMIT', 0, tonumber(due) + 100)
end
local given, doubted = 0, 0
for _, id in ipairs(candidates) do
  local count, how, cause = attempt(tries, id)
  local suspect = how == 'd'
  local exhausted = count >= tonumber(most)
  if given >= tonumber(due) then
    left = true
    break
  elseif suspect and not exhausted and doubted >= tonumber(suspects) then
    left = left or ordered == '1'
    if ordered == '1' then break end
  else
    local number = exhausted and count or count + 1
    local claimed = redis.call('XCLAIM', stream, group, consumer, 0, id, 'FORCE', 'RETRYCOUNT', number)
    local entry = claimed[1]
    if entry and entry[2] then
      redis.call('ZADD', open, int(lapses), id)
      redis.call('HSET', tries, id, number .. 'd' .. cause)
      local value, origin = '', ''
      local flags = (suspect and 's' or '') .. (exhausted and 'e' or '')
      local has = false
      for i = 1, #entry[2], 2 do
        if entry[2][i] == 'value' then value, has = entry[2][i + 1], true end
        if entry[2][i] == 'from' then origin = entry[2][i + 1] end
      end
      if not has then flags = flags .. 'x' end
      local n = #again
      again[n + 1], again[n + 2], again[n + 3] = id, value, int(number)
      again[n + 4], again[n + 5], again[n + 6] = flags, origin, cause
      given = given + 1
      if suspect and not exhausted then doubted = doubted + 1 end
    else
      local reason = (not first or less(id, first)) and 'trimmed' or 'deleted'
      if letter(dead, keep, id, nil, count, lostCause(reason), '') then
        redis.call('ZADD', open, int(lapses), id)
      else
        redis.call('XACK', stream, group, id)
        redis.call('ZREM', open, id)
        redis.call('HDEL', tries, id)
        lost[#lost + 1] = id
        lost[#lost + 1] = reason
      end
    end
  end
end
`
