import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { ids, info, letter, now, oldestLetter } from './lua.ts'

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
${oldestLetter}
local function line(...) return table.concat({ ... }, ' ') end
-- Where it may not be written, those whose time is over are counted until it may.
redis.pcall('XTRIM', dead, 'MINID', oldestLetter(keep))
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

/** The dead letters behind an id whose time is not over: they lie there until the next is written. */
export const lettersScript = script({
  name: 'stream.letters',
  keys: ['dead'],
  args: ['after', 'limit', 'keep'],
  reply: reply => reply as [Reply, Reply[]][],
  lua: `
${now}
${ids}
${oldestLetter}
local oldest = oldestLetter(keep)
return redis.call('XRANGE', dead, less(after, oldest) and oldest or '(' .. after, '+', 'COUNT', limit)
`,
})

/** Appends what the dead letters hold, for their group alone. */
export const redriveScript = script({
  name: 'stream.redrive',
  keys: ['stream', 'dead'],
  args: ['group', 'keep', '...letters'],
  reply: Number,
  lua: `
${now}
${ids}
${oldestLetter}
local count = 0
local oldest = oldestLetter(keep)
for _, id in ipairs(letters) do
  local found = not less(id, oldest) and redis.call('XRANGE', dead, id, id)[1]
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
