/** Finds the group, or makes it: at its start, or where it was. Ends the script where neither can be done now. */
export const findGroup = `
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
  elseif known ~= '' then
    -- All that was noted is gone, and who asks was given entries before: what it knows last is there, or the stream is new.
    local isSame = found and #redis.call('XRANGE', stream, known, known) > 0
    from = isSame and known or '0'
    recreated = (isSame and 'group-lost ' or 'stream-lost ') .. from .. ' -'
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
`

/** One consumer at a time works for an ordered group, and first takes up what the one before left. */
export const takeTheFloor = `
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
`

/**
 * How far the group has read, as an id and, where that is known, as the number of entries that were ever added up to there:
 * what is skipped between two takes has left the stream before anybody was given it.
 */
export const findPosition = `
local reached = field(mine, 'last-delivered-id')
local generated = field(found, 'last-generated-id')
local length = field(found, 'length')
local first = length > 0 and field(found, 'first-entry')[1]
added = field(found, 'entries-added')
if last ~= reached then position = nil end
local missed = 0
if not less(reached, generated) then
  if position then missed = added - position end
  position = added
elseif not first or less(reached, first) then
  if position then missed = added - length - position end
  position = added - length
end
if missed < 0 then missed = 0 end
`

export const notePosition = `
if reached ~= noted[1] or position ~= tonumber(noted[3] or nil) then
  redis.call('HSET', state, 'last', reached, 'added', int(added), 'position', position and int(position) or '')
end
`
