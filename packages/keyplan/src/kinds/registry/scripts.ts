import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { registryFunctions, walking } from './lua.ts'
import type { Absence, Beaten, Found, PutResult, Sweep } from './store.ts'

const keys = ['leases', 'members', 'owners', 'index', 'loads', 'turns', 'clock', 'log'] as const

const kept = ['count', 'age', 'bytes', 'ttl', 'renew'] as const
const announced = ['command', 'channel', 'announcelog', 'acount', 'aage', 'abytes', 'attl', 'arenew'] as const

/** What every script is told: the lease, how long what nobody writes is kept, and the terms of its events. */
const common = ['lease', 'linger', 'cutoff', 'most', ...kept, ...announced] as const

const textOf = (reply: Reply | undefined) => String(reply ?? '')

/** The first two items of each answer. */
function readSweep([expired, refusal]: readonly Reply[]): Sweep {
  return { expired: Number(expired), unannounced: textOf(refusal) || undefined }
}

function readRecord(record: Reply): Found {
  const text = textOf(record)
  const first = text.indexOf('\n')
  const second = text.indexOf('\n', first + 1)
  const [load = '', joined] = text.slice(0, first).split(' ')
  return { joinedAt: Number(joined), load, head: text.slice(first + 1, second), metadata: text.slice(second + 1) }
}

const absences: readonly (Absence | undefined)[] = [undefined, 'gone', 'replaced']

/** An item has a mode, an id, a token, a load, terms, and the rest of the record. */
export const putScript = script({
  name: 'registry.put',
  keys,
  args: [...common, '...items'],
  reply: (reply): Sweep & { readonly results: readonly PutResult[] } => {
    const [expired, refusal, ...results] = reply as Reply[]
    return {
      ...readSweep([expired!, refusal!]),
      results: results.map(result => absences[-Number(result)] ?? { joinedAt: Number(result) }),
    }
  },
  lua: `
${registryFunctions}
local expired = sweep(most)
heard()
local results = {}
for item = 1, #items, 6 do
  local mode, id, token, load, terms, body = unpack(items, item, item + 5)
  local owner, record = redis.call('HGET', owners, id), redis.call('HGET', members, id)
  local own = owner == token and record
  local ends = redis.call('ZSCORE', leases, id)
  local taken = not own and owner and record and ends and tonumber(ends) > alive
  if mode == 'update' and not own then
    results[#results + 1] = owner and record and '-2' or '-1'
  elseif mode == 'rejoin' and taken then
    results[#results + 1] = '-2'
  else
    local joined = own and string.match(own, '^%x* (%d*)') or text(now)
    local written = load .. ' ' .. joined .. ' ' .. terms .. '\\n' .. body
    if record then strike(id, record) end
    redis.call('ZADD', leases, text(now + lease), id)
    redis.call('HSET', owners, id, token)
    redis.call('HSET', members, id, written)
    link(id, written)
    -- That only its load has changed is no event.
    local function known(of) return string.match(of, '^%x* (.*)$') end
    if not own then
      tell('joined', written, taken and ',"replaced":true' or '')
    elseif known(own) ~= known(written) then
      tell('updated', written)
    end
    results[#results + 1] = joined
  end
end
last()
return { expired, refusal, unpack(results) }
`,
})

/** The freeing write comes first, so that members stay where there is no memory for new ones. */
export const beatScript = script({
  name: 'registry.beat',
  keys,
  args: [...common, '...items'],
  reply: (reply): Beaten => {
    const [expired, refusal, next, ...absent] = reply as Reply[]
    return {
      ...readSweep([expired!, refusal!]),
      nextMs: Number(next) < 0 ? undefined : Number(next),
      absent: pairsOf(absent).map(([place, why]) => ({ place: Number(place), why: absences[Number(why)] ?? 'gone' })),
    }
  },
  lua: `
redis.call('HDEL', clock, '')
${registryFunctions}
heard()
local whole = redis.call('EXISTS', members, index, loads) == 3
local ends = text(now + lease)
local absent = {}
for first = 1, #items, 2000 do
  local ids, tokens = {}, {}
  for at = first, math.min(first + 1998, #items - 1), 2 do
    ids[#ids + 1] = items[at]
    tokens[#tokens + 1] = items[at + 1]
  end
  local found = redis.call('HMGET', owners, unpack(ids))
  local renewed = {}
  for place, id in ipairs(ids) do
    if whole and found[place] == tokens[place] then
      renewed[#renewed + 1] = ends
      renewed[#renewed + 1] = id
    else
      absent[#absent + 1] = (first - 1) / 2 + place - 1
      absent[#absent + 1] = found[place] and found[place] ~= tokens[place] and 2 or 1
    end
  end
  if #renewed > 0 then redis.call('ZADD', leases, unpack(renewed)) end
end
local expired = sweep(most)
last()
local soonest = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')[2]
local wait = -1
if soonest then wait = math.max(0, math.max(tonumber(soonest), now < hold and hold or 0) - now) end
return { expired, refusal, wait, unpack(absent) }
`,
})

export const leaveScript = script({
  name: 'registry.leave',
  keys,
  args: [...common, '...items'],
  reply: reply => {
    const [expired, refusal, left] = reply as Reply[]
    return { ...readSweep([expired!, refusal!]), left: Number(left) }
  },
  lua: `
redis.call('HDEL', clock, '')
${registryFunctions}
local left = 0
for item = 1, #items, 2 do
  local id, token = items[item], items[item + 1]
  if redis.call('HGET', owners, id) == token then
    redis.call('ZREM', leases, id)
    local record = redis.call('HGET', members, id)
    strike(id, record)
    if record then
      tell('left', record)
      left = left + 1
    end
  end
end
heard()
local expired = sweep(most)
last()
return { expired, refusal, left }
`,
})

const readFound = (reply: Reply): Sweep & { readonly found: readonly Found[] } => {
  const [expired, refusal, records] = reply as [Reply, Reply, Reply[]]
  // One that is not there was deleted by hand.
  return {
    ...readSweep([expired, refusal]),
    found: records.flatMap(record => (record === null ? [] : readRecord(record))),
  }
}

const answer = `
return { expired, refusal, #ids > 0 and redis.call('HMGET', members, unpack(ids)) or {} }
`

export const findScript = script({
  name: 'registry.find',
  keys,
  args: [...common, 'order', 'limit', 'after', '...terms'],
  reply: readFound,
  lua: `
${registryFunctions}
${walking}
local expired = sweep(most)
local first, others = rarest()
local high = '(' .. first .. '\\1'
local low = '(' .. first .. '\\0' .. after
local key, skip = index, #first + 1
if order == 'load' then key, low, skip = loads, '(' .. first .. '\\0', #first + 1 + loadlength end
local ids = walk(key, low, high, skip, others, tonumber(limit))
${answer}
`,
})

/** A turn goes on behind the id that was picked last; of those with the least load likewise. */
export const pickScript = script({
  name: 'registry.pick',
  keys,
  args: [...common, 'order', '...terms'],
  reply: reply => {
    const { found, ...sweep } = readFound(reply)
    return { ...sweep, found: found[0] }
  },
  lua: `
${registryFunctions}
${walking}
local expired = sweep(most)
local first, others = rarest()
local turn = order .. ' ' .. table.concat(terms, ',')
local before = redis.call('HGET', turns, turn)
local low, high, skip, key = first .. '\\0', first .. '\\1', #first + 1, index
local ids
if order == 'load' then
  key, skip = loads, skip + loadlength
  ids = walk(key, '[' .. low, '(' .. high, skip, others, 1)
  if before and ids[1] then
    local record = redis.call('HGET', members, ids[1])
    local level = low .. string.match(record or '', '^(%x*)')
    local next = walk(key, '(' .. level .. '\\0' .. before, '(' .. level .. '\\1', skip, others, 1)
    if next[1] then ids = next end
  end
else
  ids = before and walk(key, '(' .. low .. before, '(' .. high, skip, others, 1) or {}
  if not ids[1] then ids = walk(key, '[' .. low, '(' .. high, skip, others, 1) end
end
if ids[1] then
  -- Without memory for whose turn it was one is picked all the same.
  redis.pcall('HSET', turns, turn, ids[1])
  redis.pcall('PEXPIRE', turns, linger)
end
${answer}
`,
})

export const getScript = script({
  name: 'registry.get',
  keys,
  args: [...common, 'id'],
  reply: reply => {
    const { found, ...sweep } = readFound(reply)
    return { ...sweep, found: found[0] }
  },
  lua: `
${registryFunctions}
local expired = sweep(most)
local ends = redis.call('ZSCORE', leases, id)
local ids = ends and tonumber(ends) > alive and { id } or {}
${answer}
`,
})

export const countScript = script({
  name: 'registry.count',
  keys,
  args: [...common, '...terms'],
  reply: reply => {
    const [expired, refusal, number] = reply as Reply[]
    return { ...readSweep([expired!, refusal!]), number: Number(number) }
  },
  lua: `
${registryFunctions}
${walking}
local expired = sweep(most)
local number
if #terms > 1 then
  local first, others = rarest()
  local low = '[' .. first .. '\\0'
  number = #walk(index, low, '(' .. first .. '\\1', #first + 1, others, math.huge)
elseif terms[1] == '*' then
  number = redis.call('ZCOUNT', leases, '(' .. text(alive), '+inf')
else
  number = size(terms[1])
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', text(alive))) do
    if redis.call('ZSCORE', index, terms[1] .. '\\0' .. id) then number = number - 1 end
  end
end
return { expired, refusal, number }
`,
})

function pairsOf(list: readonly Reply[]): [Reply, Reply][] {
  return list.flatMap((item, at) => (at % 2 === 0 ? [[item, list[at + 1]!] as [Reply, Reply]] : []))
}

export const registryScripts = [putScript, beatScript, leaveScript, findScript, pickScript, getScript, countScript]
