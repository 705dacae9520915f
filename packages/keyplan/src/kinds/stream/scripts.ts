import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import type { Standing } from './store.ts'

/** Times are whole milliseconds on the server's clock. */
const now = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function int(number) return string.format('%.0f', number) end
`

/** Compares ids as numbers: as text, `5-10` would come before `5-9`. */
const ids = `
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

const info = `
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
const attempts = `
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

/** Trims as declared. `most` and `oldest` are empty where that is not. With `untilRead`, never past what a group needs. */
const trim = `
${ids}
${info}
local function needed(stream)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if groups.err then return nil end
  local least
  for _, group in ipairs(groups) do
    local name = field(group, 'name')
    local need = field(group, 'last-delivered-id')
    if field(group, 'pending') > 0 then
      local pending = redis.call('XPENDING', stream, name)
      if pending[2] and less(pending[2], need) then need = pending[2] end
    end
    if not least or less(need, least) then least = need end
  end
  return least
end
local function trim(stream, most, oldest, untilRead)
  if untilRead ~= '1' then
    if most ~= '' then redis.call('XTRIM', stream, 'MAXLEN', '~', most) end
    if oldest ~= '' then redis.call('XTRIM', stream, 'MINID', '~', oldest) end
    return
  end
  local limit = oldest ~= '' and oldest or nil
  if most ~= '' then
    local excess = redis.call('XLEN', stream) - tonumber(most)
    -- Looked at once for a hundred entries, and in bounded steps.
    if excess >= math.min(100, tonumber(most) / 10) then
      local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', math.min(excess, 500) + 1)
      local candidate = first[#first][1]
      if not limit or less(limit, candidate) then limit = candidate end
    end
  end
  if not limit then return end
  local least = needed(stream)
  if least and less(least, limit) then limit = least end
  redis.call('XTRIM', stream, 'MINID', limit)
end
`

export const appendScript = script({
  name: 'stream.append',
  keys: ['stream'],
  args: ['most', 'ageMs', 'untilRead', '...values'],
  reply: reply => (reply as string).split('\n'),
  lua: `
${now}
${trim}
local added = {}
for i, value in ipairs(values) do
  local id = redis.pcall('XADD', stream, '*', 'value', value)
  added[i] = type(id) == 'table' and '!' .. id.err or id
end
trim(stream, most, ageMs ~= '' and int(now - tonumber(ageMs)) or '', untilRead)
return table.concat(added, '\\n')
`,
})

/** The reply is the id, after `=` when it is that of an entry that was there. */
export const appendOnceScript = script({
  name: 'stream.appendOnce',
  keys: ['stream', 'appended'],
  args: ['most', 'ageMs', 'untilRead', 'window', 'value'],
  reply: reply => reply as string,
  lua: `
${now}
${trim}
local known = redis.call('GET', appended)
if known then return '=' .. known end
local id = redis.call('XADD', stream, '*', 'value', value)
redis.call('SET', appended, id, 'PX', window)
trim(stream, most, ageMs ~= '' and int(now - tonumber(ageMs)) or '', untilRead)
return id
`,
})

/** A record of an entry that is gone, or given up. */
const letter = `
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

/** Begins with what frees memory, so that it works at maxmemory. */
export const doneScript = script({
  name: 'stream.done',
  keys: ['stream', 'open', 'tries', '...effects'],
  args: ['group', 'effectTtl', '...ids'],
  reply: () => undefined,
  lua: `
redis.call('XACK', stream, group, unpack(ids))
redis.call('ZREM', open, unpack(ids))
if redis.call('EXISTS', tries) == 1 then redis.call('HDEL', tries, unpack(ids)) end
for _, effect in ipairs(effects) do redis.call('SET', effect, 'done', 'PX', effectTtl) end
return 1
`,
})

export const claimScript = script({
  name: 'stream.claim',
  keys: ['...effects'],
  args: ['ms', '...claimants'],
  reply: reply => reply as Standing[],
  lua: `
local standings = {}
for i, effect in ipairs(effects) do
  local holder = redis.call('GET', effect)
  if holder == 'done' then standings[i] = 'done'
  elseif holder and holder ~= claimants[i] then standings[i] = 'busy'
  else
    redis.call('SET', effect, claimants[i], 'PX', ms)
    standings[i] = 'mine'
  end
end
return standings
`,
})

/** `entries` are id, number, counted, delay and cause of each. */
export const postponeScript = script({
  name: 'stream.postpone',
  keys: ['open', 'tries'],
  args: ['...entries'],
  reply: () => undefined,
  lua: `
${now}
${attempts}
for i = 1, #entries, 5 do
  local id = entries[i]
  if isLast(open, tries, id, entries[i + 1]) then
    redis.call('ZADD', open, int(now + tonumber(entries[i + 3])), id)
    redis.call('HSET', tries, id, entries[i + 2] .. 'r' .. entries[i + 4])
  end
end
return 1
`,
})

export const buryScript = script({
  name: 'stream.bury',
  keys: ['stream', 'open', 'tries', 'dead'],
  args: ['group', 'id', 'number', 'keep', 'cause', 'origin', '...value'],
  reply: reply => reply === 1,
  lua: `
${now}
${attempts}
${letter}
if not isLast(open, tries, id, number) then return 0 end
local refused = letter(dead, keep, id, value[1], number, cause, origin)
if refused then return refused end
redis.call('XACK', stream, group, id)
redis.call('ZREM', open, id)
redis.call('HDEL', tries, id)
return 1
`,
})

/** `receipts` are pairs of id and number. Gives the ids that are no longer this consumer's. */
export const extendScript = script({
  name: 'stream.extend',
  keys: ['stream', 'open', 'tries', 'state'],
  args: ['group', 'consumer', 'lease', 'ordered', '...receipts'],
  reply: reply => reply as string[],
  lua: `
${now}
${attempts}
local kept, lost = {}, {}
local lapses = int(now + tonumber(lease))
for i = 1, #receipts, 2 do
  local id = receipts[i]
  if isLast(open, tries, id, receipts[i + 1]) then
    redis.call('ZADD', open, lapses, id)
    kept[#kept + 1] = id
  else
    lost[#lost + 1] = id
  end
end
if #kept > 0 then
  local claim = { stream, group, consumer, 0 }
  for _, id in ipairs(kept) do claim[#claim + 1] = id end
  claim[#claim + 1] = 'JUSTID'
  redis.pcall('XCLAIM', unpack(claim))
end
if ordered == '1' and redis.call('HGET', state, 'active') == consumer then redis.call('HSET', state, 'until', lapses) end
return lost
`,
})

/**
 * What is pending by the server's account and not by ours was given out by others, or our account was lost. Replies with
 * the cursor, how many were taken up, how many consumers were removed, and the lost as pairs.
 */
export const sweepScript = script({
  name: 'stream.sweep',
  keys: ['stream', 'open', 'tries', 'dead'],
  args: ['group', 'consumer', 'lease', 'cursor', 'gone', 'keep'],
  reply: reply => reply as string[],
  lua: `
${now}
${ids}
${info}
${letter}
local found = streamOf(stream)
if not found or found.err or not groupOf(stream, group) then return { '0-0', '0', '0' } end
local first = field(found, 'length') > 0 and field(found, 'first-entry')[1]
local swept = redis.call('XAUTOCLAIM', stream, group, consumer, lease, cursor, 'COUNT', 100, 'JUSTID')
local reply = { swept[1], '0', '0' }
local adopted = 0
for _, id in ipairs(swept[2]) do
  adopted = adopted + redis.call('ZADD', open, 'NX', int(now), id)
end
for _, id in ipairs(swept[3] or {}) do
  -- What is in our account is told when it is due.
  if not redis.call('ZSCORE', open, id) then
    local reason = (not first or less(id, first)) and 'trimmed' or 'deleted'
    if letter(dead, keep, id, nil, 1, lostCause(reason), '') then
      redis.call('ZADD', open, int(now), id)
    else
      reply[#reply + 1] = id
      reply[#reply + 1] = reason
    end
  end
end
local removed = 0
for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local name = field(one, 'name')
  if name ~= consumer and field(one, 'pending') == 0 and field(one, 'idle') > tonumber(gone) then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, name)
    removed = removed + 1
  end
end
reply[2], reply[3] = int(adopted), int(removed)
return reply
`,
})

export const leaveScript = script({
  name: 'stream.leave',
  keys: ['stream', 'state'],
  args: ['group', 'consumer'],
  reply: () => undefined,
  lua: `
${info}
if redis.call('HGET', state, 'active') == consumer then redis.call('HDEL', state, 'active', 'until') end
local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, group)
if consumers.err then return 0 end
for _, one in ipairs(consumers) do
  if field(one, 'name') == consumer and field(one, 'pending') == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer)
  end
end
return 1
`,
})

/** Length, lag, pending, age of the oldest, dead letters, consumers; `-` for what is not known. */
export const inspectScript = script({
  name: 'stream.inspect',
  keys: ['stream', 'open', 'state', 'dead'],
  args: ['group', 'keep'],
  reply: reply => (reply as string).split(' ').map(text => (text === '-' ? undefined : Number(text))),
  lua: `
${now}
${ids}
${info}
local function line(...) return table.concat({ ... }, ' ') end
local letters = redis.call('XLEN', dead)
local found = streamOf(stream)
if found and found.err then return found end
local mine = found and groupOf(stream, group)
if not mine then return line(int(found and field(found, 'length') or 0), '-', int(redis.call('ZCARD', open)), '-', int(letters), '0') end
local reached, length = field(mine, 'last-delivered-id'), field(found, 'length')
local noted = redis.call('HMGET', state, 'last', 'position')
local lag = '-'
if not less(reached, field(found, 'last-generated-id')) then lag = '0'
elseif length == 0 or less(reached, field(found, 'first-entry')[1]) then lag = int(length)
elseif noted[1] == reached and tonumber(noted[2] or nil) and not less(reached, field(found, 'max-deleted-entry-id')) then
  lag = int(field(found, 'entries-added') - tonumber(noted[2]))
end
local pending = redis.call('XPENDING', stream, group)
local open = redis.call('ZCARD', open)
local oldest = pending[2] and int(math.max(0, now - parts(pending[2]))) or '-'
return line(int(length), lag, int(math.max(pending[1], open)), oldest, int(letters), int(field(mine, 'consumers')))
`,
})

/** Appends what the dead letters hold, for their group alone. */
export const redriveScript = script({
  name: 'stream.redrive',
  keys: ['stream', 'dead'],
  args: ['group', '...letters'],
  reply: Number,
  lua: `
local count = 0
for _, id in ipairs(letters) do
  local found = redis.call('XRANGE', dead, id, id)[1]
  local value, origin
  for i = 1, found and #found[2] or 0, 2 do
    if found[2][i] == 'value' then value = found[2][i + 1] end
    if found[2][i] == 'entry' then origin = found[2][i + 1] end
  end
  if value then
    redis.call('XADD', stream, '*', 'value', value, 'for', group, 'from', origin)
    redis.call('XDEL', dead, id)
    count = count + 1
  end
end
return count
`,
})

export const streamScripts = [
  appendScript,
  appendOnceScript,
  takeScript,
  claimScript,
  doneScript,
  postponeScript,
  buryScript,
  extendScript,
  sweepScript,
  leaveScript,
  inspectScript,
  redriveScript,
]
