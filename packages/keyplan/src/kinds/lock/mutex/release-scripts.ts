import { yetGranted } from '../../../mechanisms/lease/claim.ts'
import { clockNow } from '../../../mechanisms/lease/fence.ts'
import { script } from '../../../redis/script.ts'
import { isOwner } from '../asking-lua.ts'
import { callNext } from '../line-lua.ts'
import { releaseReply } from '../script-set.ts'

export const extendScript = script({
  name: 'lock.extend',
  keys: ['...keys'],
  args: ['owner', 'ttl', 'fenceTtl'],
  reply: reply => reply === 1,
  lua: `
local lock, fence = unpack(keys)
local holder = redis.call('GET', lock)
if not holder or not (${isOwner('holder')}) then
  return 0
end
redis.call('PEXPIRE', lock, ttl)
redis.call('PEXPIRE', fence, fenceTtl)
return 1
`,
})

/**
 * Many locks, each for itself: `keys` are the locks, then the line of each. A lock that nobody waits for is free once it is
 * deleted. The deletes come first: after them a script may write at maxmemory.
 */
export const releaseScript = script({
  name: 'lock.release',
  keys: ['...keys'],
  args: ['counts', 'prefix', '...claims'],
  reply: releaseReply,
  lua: `
local n = #claims
local found = redis.call('MGET', unpack(keys, 1, n))
local reply, freed, own = {}, {}, {}
for i = 1, n do
  local lock, owner = keys[i], prefix .. claims[i]
  local holder = not own[lock] and found[i]
  local mine = holder and ${isOwner('holder')}
  reply[i] = mine and '1' or '0'
  if mine then
    own[lock] = keys[n + i]
    freed[#freed + 1] = lock
  end
end
if #freed > 0 then redis.call('DEL', unpack(freed)) end
if #freed > 0 and redis.call('EXISTS', unpack(keys, n + 1)) > 0 then
  ${clockNow}
  ${callNext}
  for _, lock in ipairs(freed) do pcall(callNext, lock, own[lock]) end
end
return table.concat(reply, '\\n')
`,
})

/** Release, and the milliseconds in which an acquire that is still on its way would yet be granted. */
export const withdrawScript = script({
  name: 'lock.withdraw',
  keys: ['...keys'],
  args: ['owner', 'counts', 'notAfter'],
  reply: Number,
  lua: `
${clockNow}
${callNext}
local lock, line = unpack(keys)
local holder = redis.pcall('GET', lock)
if type(holder) == 'string' and ${isOwner('holder')} then
  redis.call('DEL', lock)
  pcall(callNext, lock, line)
end
return ${yetGranted}
`,
})

/** Gives up the place of a process, and what is kept for it. */
export const leaveScript = script({
  name: 'lock.leave',
  keys: ['...keys'],
  args: ['channel', 'counts'],
  reply: () => undefined,
  lua: `
local lock, line = unpack(keys)
redis.call('ZREM', line, '+' .. channel, '-' .. channel)
if redis.pcall('GET', lock) == '>' .. channel then
  redis.call('DEL', lock)
  ${clockNow}
  ${callNext}
  pcall(callNext, lock, line)
end
return 0
`,
})
