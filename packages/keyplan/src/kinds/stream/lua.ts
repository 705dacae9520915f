/** Times are whole milliseconds on the server's clock. */
export const now = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function int(number) return string.format('%.0f', number) end
`

/** Compares ids as numbers: as text, `5-10` would come before `5-9`. */
export const ids = `
local function parts(id)
  local dash = string.find(id, '-', 1, true)
  if not dash then return tonumber(id), 0 end
  return tonumber(string.sub(id, 1, dash - 1)), tonumber(string.sub(id, dash + 1))
end
local function less(left, right)
  local ms, seq = parts(left)
  local otherMs, otherSeq = parts(right)
  if ms ~= otherMs then return ms < otherMs end
  return seq < otherSeq
end
`

export const info = `
local function field(list, name)
  for i = 1, #list, 2 do
    if list[i] == name then return list[i + 1] end
  end
end
local function groupOf(stream, group)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return nil end
  for _, found in ipairs(groups) do
    if field(found, 'name') == group then return found end
  end
end
local function streamOf(stream)
  local found = redis.pcall('XINFO', 'STREAM', stream)
  if not found.err then return found end
  if string.find(found.err, 'no such key', 1, true) then return nil end
  return found
end
`

/** `tries` holds `<deliveries><how><cause>`: `d` is given out, `r` waits for its turn. Nothing: given out once. */
export const attempts = `
local function attempt(tries, id)
  local noted = redis.call('HGET', tries, id)
  if not noted then return 1, 'd', '' end
  local count, how, cause = string.match(noted, '^(%d+)(%a)(.*)$')
  return tonumber(count), how, cause
end
local function isLast(open, tries, id, number)
  return redis.call('ZSCORE', open, id) and attempt(tries, id) == tonumber(number)
end
`

/**
 * Trims as declared. `most` and `oldest` are empty where that is not. With `untilRead`, never past what a group needs:
 * `declared` are name and start of each group, `accounts` its keys of what is open and how far it has read.
 */
export const trim = `
${ids}
${info}
local function needed(stream, declared, accounts)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return nil end
  local least
  local function need(id)
    if not least or less(id, least) then least = id end
  end
  local pending = {}
  for _, group in ipairs(groups) do
    local name = field(group, 'name')
    pending[name] = field(group, 'pending')
    need(field(group, 'last-delivered-id'))
    if pending[name] > 0 then
      local oldest = redis.call('XPENDING', stream, name)[2]
      if oldest then need(oldest) end
    end
  end
  local at = 1
  for name, start in string.gmatch(declared, '(%S+) (%S+)') do
    local open, state = accounts[at], accounts[at + 1]
    at = at + 2
    -- Others took from the server's account what ours still holds. Which of it is the oldest would cost a look at all of it.
    if redis.call('ZCARD', open) > (pending[name] or 0) then return '0-0' end
    if not pending[name] then
      local last = redis.call('HGET', state, 'last')
      if last and less(field(streamOf(stream), 'last-generated-id'), last) then return '0-0' end
      if last then need(last) elseif start ~= '$' then need(start) end
    end
  end
  return least
end
local function trim(stream, most, oldest, untilRead, declared, accounts)
  if untilRead ~= '1' then
    if most ~= '' then redis.call('XTRIM', stream, 'MAXLEN', '~', most) end
    if oldest ~= '' then redis.call('XTRIM', stream, 'MINID', '~', oldest) end
    return
  end
  local excess = most ~= '' and redis.call('XLEN', stream) - tonumber(most) or 0
  -- Looked at once for a hundred entries, and in bounded steps.
  local tooMany = most ~= '' and excess >= math.min(100, tonumber(most) / 10)
  local limit = oldest ~= '' and oldest or nil
  if not limit and not tooMany then return end
  local least = needed(stream, declared, accounts)
  if tooMany then
    local first = redis.call('XRANGE', stream, '-', least or '+', 'COUNT', math.min(excess, 500) + 1)
    local candidate = #first > 0 and first[#first][1]
    if candidate and (not limit or less(limit, candidate)) then limit = candidate end
  end
  if not limit then return end
  if least and less(least, limit) then limit = least end
  redis.call('XTRIM', stream, 'MINID', limit)
end
`

/** The first id of a dead letter whose time is not over. */
export const oldestLetter = `
local function oldestLetter(keep) return int(math.max(0, now - tonumber(keep) + 1)) end
`

/** A record of an entry that is gone, or given up. */
export const letter = `
local function letter(dead, keep, id, value, deliveries, cause, origin)
  local fields = { 'entry', origin ~= '' and origin or id, 'deliveries', deliveries, 'cause', cause }
  if value then
    fields[#fields + 1] = 'value'
    fields[#fields + 1] = value
  end
  local written = redis.pcall('XADD', dead, '*', unpack(fields))
  if type(written) == 'table' then return written end
  redis.pcall('PEXPIRE', dead, keep)
  redis.pcall('XTRIM', dead, 'MINID', int(now - tonumber(keep)))
end
local function lostCause(reason)
  return '{"name":"Lost","message":"the entry was ' .. reason .. ' before it was finished"}'
end
`
