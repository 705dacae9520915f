import { clockNow } from '../../../mechanisms/lease/fence.ts'
import { script } from '../../../redis/script.ts'
import { callNext } from '../line-lua.ts'
import { inspectReply } from '../script-set.ts'

export const inspectScript = script({
  name: 'lock.inspect',
  keys: ['...keys'],
  args: [],
  reply: inspectReply,
  lua: `
${clockNow}
local lock, line = unpack(keys)
local holder = redis.pcall('GET', lock)
return {
  type(holder) == 'string' and holder or '', redis.call('PTTL', lock), redis.call('ZCOUNT', line, 0, '+inf'), now, 0
}
`,
})

/** Frees a lock whoever has it: its process is told on its channel, and who is next gets it. */
export const forceScript = script({
  name: 'lock.force',
  keys: ['...keys'],
  args: ['wake', 'counts'],
  reply: inspectReply,
  lua: `
${clockNow}
${callNext}
local lock, line = unpack(keys)
local holder = redis.call('GET', lock)
local left = redis.call('PTTL', lock)
if holder then
  redis.call('DEL', lock)
  local instance, fence = string.match(holder, '^([^>/][^/]*)/[^#]*#(%d+)')
  if fence then redis.pcall('PUBLISH', wake .. instance, '-' .. fence .. ':' .. lock) end
  pcall(callNext, lock, line)
end
return { holder or '', left, redis.call('ZCOUNT', line, 0, '+inf'), now, 0 }
`,
})
