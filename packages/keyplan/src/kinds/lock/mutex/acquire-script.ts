import { script } from '../../../redis/script.ts'
import { asking, heldBy, isOwner, waiting } from '../asking-lua.ts'
import { callNext, claimMs } from '../line-lua.ts'
import { acquireArgs, acquireReply } from '../script-set.ts'

/**
 * Takes many locks, each for itself. `keys` are the locks, then the line of each, then the counter of each fence, or one for
 * all; those of one call have the same number then, since a fence is compared with others of its own lock alone.
 *
 * Nearly always nobody has any of them and nobody waits. That is one question for all, and each costs no more than the write
 * of its key.
 */
export const acquireScript = script({
  name: 'lock.acquire',
  keys: ['...keys'],
  args: acquireArgs,
  reply: acquireReply,
  lua: asking(`
local number
local function grant(i, condition)
  local counter = keys[2 * n + i]
  if counter or not number then number = advance(counter or keys[2 * n + 1], fenceTtl) end
  local value = ${heldBy('prefix .. claims[i]', 'number')}
  if redis.call('SET', keys[i], value, 'PX', ttl, condition or 'NX') then return '+' .. number end
  -- An earlier claim of this call has it; or it is of another type, which is an error.
  redis.call('GET', keys[i])
${waiting}
  return busy(i, keys[n + i], redis.call('PTTL', keys[i]))
end
local take = grant
if string.find(seats, '+', 1, true) or redis.call('EXISTS', unpack(keys, 1, 2 * n)) > 0 then
${waiting}
${callNext}
  local found = redis.call('MGET', unpack(keys, 1, n))
  local lined = redis.call('EXISTS', unpack(keys, n + 1, 2 * n)) > 0
  local asked = {}
  function take(i)
    local lock, line, holder, owner = keys[i], keys[n + i], found[i], prefix .. claims[i]
    -- An earlier claim of this call may have taken it, or kept it for who is next.
    if asked[lock] then holder = redis.call('GET', lock) end
    asked[lock] = true
    if holder and ${isOwner('holder')} then
      redis.call('PEXPIRE', lock, ttl)
      return '+' .. string.match(holder, '^%d+', #owner + 2)
    end
    local kept = waits(i) and holder == '>' .. channel
    if holder and not kept then return busy(i, line, redis.call('PTTL', lock)) end
    if not holder and lined then
      local next = callNext(lock, line, waits(i) and channel)
      if next and next ~= channel then return busy(i, line, ${claimMs}) end
    end
    local said = grant(i, kept and 'XX')
    if string.sub(said, 1, 1) == '+' then wait_again(i, line) end
    return said
  end
end
`),
})
