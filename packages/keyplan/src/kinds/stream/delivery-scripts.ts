import { script } from '../../redis/script.ts'
import type { Standing } from './delivery.ts'
import { attempts, ids, letter, now } from './lua.ts'

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
  reply: reply => reply as string[],
  lua: `
${now}
${attempts}
local stale = {}
for i = 1, #entries, 5 do
  local id, number = entries[i], tonumber(entries[i + 1])
  local count = redis.call('ZSCORE', open, id) and attempt(tries, id)
  if not count or count > number then stale[#stale + 1] = id
  elseif count == number then
    redis.call('ZADD', open, int(now + tonumber(entries[i + 3])), id)
    redis.call('HSET', tries, id, entries[i + 2] .. 'r' .. entries[i + 4])
  end
end
return stale
`,
})

/** What was given out beside `known` is due, in order: its taker never heard of it. */
export const reclaimScript = script({
  name: 'stream.reclaim',
  keys: ['open', 'tries', 'state'],
  args: ['consumer', '...known'],
  reply: () => undefined,
  lua: `
${ids}
${attempts}
if redis.call('HGET', state, 'active') ~= consumer then return 0 end
local has = {}
for _, id in ipairs(known) do has[id] = true end
local lost = {}
for _, id in ipairs(redis.call('ZRANGE', open, 0, -1)) do
  local _, how = attempt(tries, id)
  if not has[id] and how == 'd' then lost[#lost + 1] = id end
end
table.sort(lost, less)
for i, id in ipairs(lost) do redis.call('ZADD', open, i, id) end
return #lost
`,
})

export const buryScript = script({
  name: 'stream.bury',
  keys: ['stream', 'open', 'tries', 'dead', '...effects'],
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
for _, effect in ipairs(effects) do
  if redis.call('GET', effect) == id then redis.call('DEL', effect) end
end
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
