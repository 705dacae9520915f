import { registryScript } from '../script-set.ts'
import { mostTurns } from '../store.ts'
import { answerRecords, readRecords } from './reply.ts'
import { walking } from './walk-lua.ts'

/** A turn goes on behind the id that was picked last; of those with the least load likewise. */
export const pickScript = registryScript({
  name: 'pick',
  args: ['order', '...terms'],
  read: answer => ({ found: readRecords(answer)[0] }),
  lua: `
local expired = sweep(most)
${walking}
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
  if not before and redis.call('HLEN', turns) >= ${mostTurns} then redis.call('DEL', turns) end
  -- Without memory for whose turn it was one is picked all the same.
  redis.pcall('HSET', turns, turn, ids[1])
  redis.pcall('PEXPIRE', turns, linger)
end
${answerRecords}
`,
})
