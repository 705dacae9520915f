import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { attempts, ids, info, letter, now } from './lua.ts'

/**
 * Replies with a line of figures, then the lost as pairs of id and reason, then what is given out again or is unusual as
 * id, value, number, how, origin and cause, then the rest as pairs of id and value.
 */
export const takeScript = script({
  name: 'stream.take',
  keys: ['stream', 'open', 'tries', 'state', 'dead'],
  args: ['group', 'consumer', 'start', 'fresh', 'due', 'suspects', 'lease', 'most', 'ordered', 'keep'],
  reply: reply => reply as Reply[],
  lua: `
${now}
${ids}
${info}
${attempts}
${letter}
local noted = redis.call('HMGET', state, 'last', 'added', 'position', 'made', 'active', 'until')
local last, added, position, made = noted[1], tonumber(noted[2] or nil), tonumber(noted[3] or nil), tonumber(noted[4] or nil)
local function idle(ms) return { 'standby ' .. int(ms) } end

local found = streamOf(stream)
if found and found.err then return found end
local mine = found and groupOf(stream, group)
local recreated = '- - -'
if not mine then
  if made and now - made < 1000 then return idle(made + 1000 - now) end
  local from = start
  if last then
    local isNew = not found or field(found, 'entries-added') < added or less(field(found, 'last-generated-id'), last)
    from = isNew and '0' or last
    local missed = isNew and position and int(added - position) or '-'
    recreated = (isNew and 'stream-lost ' or 'group-lost ') .. from .. ' ' .. missed
    if isNew then position = 0 end
  end
  local done = redis.pcall('XGROUP', 'CREATE', stream, group, from, 'MKSTREAM')
  if done.err then return done end
  found = streamOf(stream)
  mine = groupOf(stream, group)
  if not last then
    position = nil
    if from == '0' then position = field(found, 'entries-added') - field(found, 'length') end
    if from == '$' then position = field(found, 'entries-added') end
  end
  last = field(mine, 'last-delivered-id')
  redis.call('HSET', state, 'made', int(now))
end

if ordered == '1' then
  local active, till = noted[5], tonumber(noted[6] or nil)
  if active and active ~= consumer and till > now then return idle(till - now) end
  if active ~= consumer then
    local left = redis.call('ZRANGE', open, 0, -1)
    table.sort(left, less)
    for i, id in ipairs(left) do redis.call('ZADD', open, i, id) end
  end
  redis.call('HSET', state, 'active', consumer, 'until', int(now + tonumber(lease)))
end

local reached = field(mine, 'last-delivered-id')
local length = field(found, 'length')
local first = length > 0 and field(found, 'first-entry')[1]
added = field(found, 'entries-added')
if last ~= reached then position = nil end
local missed = 0
if not less(reached, field(found, 'last-generated-id')) then
  if position then missed = added - position end
  position = added
elseif not first or less(reached, first) then
  if position then missed = added - length - position end
  position = added - length
end
if missed < 0 then missed = 0 end

local lost, again, rest = {}, {}, {}
local lapses = now + tonumber(lease)
local left = false
local candidates = redis.call('ZRANGEBYSCORE', open, '-inf', int(now), 'LIMIT', 0, tonumber(due) + 100)
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

local wanted = tonumber(fresh)
if ordered == '1' and left then wanted = 0 end
if wanted > 0 then
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', wanted, 'STREAMS', stream, '>')
  if read then
    local entries = read[1][2]
    local claims, n, score = {}, 0, int(lapses)
    for _, entry in ipairs(entries) do
      local id, fields = entry[1], entry[2]
      local others = false
      if #fields == 2 and fields[1] == 'value' then
        local r = #rest
        rest[r + 1], rest[r + 2] = id, fields[2]
      else
        local value, origin, has = '', '', false
        for i = 1, #fields, 2 do
          if fields[i] == 'value' then value, has = fields[i + 1], true end
          if fields[i] == 'from' then origin = fields[i + 1] end
          if fields[i] == 'for' and fields[i + 1] ~= group then others = true end
        end
        if others then
          redis.call('XACK', stream, group, id)
        else
          local a = #again
          again[a + 1], again[a + 2], again[a + 3] = id, value, '1'
          again[a + 4], again[a + 5], again[a + 6] = has and '' or 'x', origin, ''
        end
      end
      if not others then
        claims[n + 1], claims[n + 2] = score, id
        n = n + 2
      end
    end
    if n > 0 then redis.call('ZADD', open, unpack(claims)) end
    reached = entries[#entries][1]
    if position then position = position + #entries end
  else
    -- Reading nothing makes no consumer: one that waits is to be seen as well.
    redis.call('XGROUP', 'CREATECONSUMER', stream, group, consumer)
  end
end
if reached ~= noted[1] or position ~= tonumber(noted[3] or nil) then
  redis.call('HSET', state, 'last', reached, 'added', int(added), 'position', position and int(position) or '')
end

local dueIn = '-'
if left then dueIn = '0'
else
  local next = redis.call('ZRANGEBYSCORE', open, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if next[2] then dueIn = int(tonumber(next[2]) - now) end
end
local reply = { table.concat({ 'taken', reached, dueIn, int(missed), recreated, int(#lost / 2), int(#again / 6) }, ' ') }
for _, list in ipairs({ lost, again, rest }) do
  local n = #reply
  for i = 1, #list do reply[n + i] = list[i] end
end
return reply
`,
})
