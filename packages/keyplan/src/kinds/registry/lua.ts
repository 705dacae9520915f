import { clockNow } from '../../mechanisms/lease/fence.ts'
import { logFunctions } from '../../mechanisms/log/announcement.ts'

/**
 * What the scripts of a registry share. A lease is the score of a member, on the server's clock: whoever's has ended is not
 * alive, and `sweep` takes it off the list and tells of it, in the step that finds it.
 *
 * Nobody is taken off the list while nobody can beat. `clock` holds when any process was heard last. Where that was longer
 * ago than a lease, either all are dead or none could reach the server: from the next beat on everybody has one lease of
 * time (`hold`) to be heard again, and only those go whose lease had ended before the silence (`due`). Whether they are listed
 * meanwhile depends on what is known: the server was started in between, or one who beats was cut off from it. Otherwise the
 * silence was theirs, and they are not.
 *
 * A record is `<load> <joined> <terms>`, a line with its id and capabilities, and the metadata.
 */
export const registryFunctions = `
${clockNow}
${logFunctions}
local function text(number) return string.format('%.0f', number) end
local state = redis.call('HMGET', clock, 'seen', 'hold', 'from', 'trust')
local seen = tonumber(state[1] or '') or now
local hold, from, trust = tonumber(state[2] or '') or 0, tonumber(state[3] or '') or 0, state[4] == '1'
local silent = now - seen > tonumber(lease)
local function restarted()
  local info = redis.pcall('INFO', 'server')
  local up = type(info) == 'string' and tonumber(string.match(info, 'uptime_in_seconds:(%d+)') or '')
  return up and now - up * 1000 > seen
end
if silent then hold, from, trust = now + lease, seen, cutoff == '1' or restarted() end
local alive, due = now, now
if now < hold then
  due = from
  if trust then alive = from end
end
-- Only those who are alive or take part are heard: a look says nothing of the others.
local function heard()
  if silent then
    redis.call('HSET', clock, 'seen', text(now), 'hold', text(hold), 'from', text(from), 'trust', trust and '1' or '0')
  else
    redis.call('HSET', clock, 'seen', text(now))
  end
end
local function last()
  for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, key == log and ttl or linger) end
end
local refusal = ''
local function tell(kind, record, extra)
  local head, metadata = string.match(record, '^[^\\n]*\\n([^\\n]*)\\n(.*)$')
  local event = '{"type":"' .. kind .. '","member":{' .. head .. ',"metadata":' .. metadata .. '}' .. (extra or '') .. '}'
  append(log, event, count, age, bytes, ttl, renew)
  local channellog = announcelog ~= '' and announcelog or nil
  local receivers, why = announce(event, command, channel, channellog, acount, aage, abytes, attl, arenew)
  if receivers < 0 then refusal = why end
end
-- The entries of a member in the index and among the loads.
local function entries(id, record)
  local load, terms = string.match(record, '^(%x*) %d* ([^\\n]*)\\n')
  local found, loaded = {}, {}
  for term in string.gmatch(terms, '[^,]+') do
    found[#found + 1] = term .. '\\0' .. id
    loaded[#loaded + 1] = term .. '\\0' .. load .. '\\0' .. id
  end
  return found, loaded
end
local function scored(list)
  local pairs = {}
  for _, entry in ipairs(list) do
    pairs[#pairs + 1] = 0
    pairs[#pairs + 1] = entry
  end
  return unpack(pairs)
end
local function link(id, record)
  local found, loaded = entries(id, record)
  redis.call('ZADD', index, scored(found))
  redis.call('ZADD', loads, scored(loaded))
end
local function strike(id, record)
  redis.call('HDEL', owners, id)
  if not record then return end
  redis.call('HDEL', members, id)
  local found, loaded = entries(id, record)
  redis.call('ZREM', index, unpack(found))
  redis.call('ZREM', loads, unpack(loaded))
end
-- Of one who is on no list of leases any more. Gives how many there were: one, or none.
local function depart(id, how)
  local record = redis.call('HGET', members, id)
  strike(id, record)
  if not record then return 0 end
  tell(how, record)
  return 1
end
local function sweep(most)
  local ids = redis.call('ZRANGEBYSCORE', leases, '-inf', text(due), 'LIMIT', 0, most)
  local expired = 0
  for _, id in ipairs(ids) do
    -- A server that takes no writes now is read all the same. At maxmemory this frees, and lets the rest pass.
    if type(redis.pcall('ZREM', leases, id)) == 'table' then break end
    expired = expired + depart(id, 'expired')
  end
  return expired
end
`
