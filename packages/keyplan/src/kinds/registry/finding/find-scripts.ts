import { registryScript } from '../script-set.ts'
import { answerRecords, readRecords } from './reply.ts'
import { walking } from './walk-lua.ts'

export const findScript = registryScript({
  name: 'find',
  args: ['order', 'limit', 'after', '...terms'],
  read: answer => ({ found: readRecords(answer) }),
  lua: `
local expired = sweep(most)
${walking}
local first, others = rarest()
local high = '(' .. first .. '\\1'
local low = '(' .. first .. '\\0' .. after
local key, skip = index, #first + 1
if order == 'load' then key, low, skip = loads, '(' .. first .. '\\0', #first + 1 + loadlength end
local ids = walk(key, low, high, skip, others, tonumber(limit))
${answerRecords}
`,
})

export const getScript = registryScript({
  name: 'get',
  args: ['id'],
  read: answer => ({ found: readRecords(answer)[0] }),
  lua: `
local expired = sweep(most)
local ends = redis.call('ZSCORE', leases, id)
local ids = ends and tonumber(ends) > alive and { id } or {}
${answerRecords}
`,
})
