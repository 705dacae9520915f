import { yetGranted } from '../../../mechanisms/lease/claim.ts'
import { clockNow } from '../../../mechanisms/lease/fence.ts'
import { type Script, script } from '../../../redis/script.ts'
import { asking, eachClaim, heldBy, isOwner, waiting } from '../asking-lua.ts'
import { claimMs, headOf, isAlive } from '../line-lua.ts'
import { acquireArgs, acquireReply, inspectReply, type LockScripts, releaseReply } from '../script-set.ts'

/**
 * The writer lies at the key of the lock, as with a mutex. Readers are a sorted set beside it: each owner with the end of its
 * own lease, and `><channel>` for a process whose readers are called. All wait in one line; a reader enters while nobody else
 * stands in it, so that writers are not starved.
 */
export type Mode = 'read' | 'write'

/** Whether a channel is one on which readers are called. An instance has no `~` in its name. */
const reads = (channel: string) => `string.find(${channel}, '~wake:r/[^~]*$')`

/** Calls who is next while no writer has the lock: a writer when no reader has it, or all readers up to the next writer. */
const callNext = `
local function lease(readers, member, ms)
  redis.call('ZADD', readers, string.format('%.0f', now + ms), member)
  if redis.call('PTTL', readers) < tonumber(ms) then redis.call('PEXPIRE', readers, ms) end
end
local function callNext(lock, readers, line, own)
  for _ = 1, 32 do
    local place = ${headOf('line')}
    if not place then return end
    local channel = string.sub(place, 2)
    local is_reader = ${reads('channel')}
    if not is_reader and redis.call('ZCARD', readers) > 0 then return end
    local till = redis.call('ZSCORE', line, '-' .. channel)
    redis.call('ZREM', line, place, '-' .. channel)
    if ${isAlive('till')} then
      if channel == own then return own end
      local heard = redis.pcall('PUBLISH', channel, '+' .. lock)
      if type(heard) == 'table' or heard > 0 or counts ~= '1' then
        if not is_reader then
          redis.call('SET', lock, '>' .. channel, 'PX', ${claimMs})
          return channel
        end
        lease(readers, '>' .. channel, ${claimMs})
      end
    end
  end
end
local function expire(readers) redis.call('ZREMRANGEBYSCORE', readers, '-inf', string.format('(%.0f', now)) end
`

const isWriter = `holder and ${isOwner('holder')}`

/** Of each mode: takes one lock. `entered` are locks whose readers of this call may enter together. */
const take: Readonly<Record<Mode, string>> = {
  read: `
  if redis.call('ZSCORE', readers, owner) then
    lease(readers, owner, ttl)
    return '+0'
  end
  if redis.call('GET', lock) then return busy(i, line, redis.call('PTTL', lock)) end
  if waits(i) and redis.call('ZSCORE', readers, '>' .. channel) then entered[readers] = true end
  if not entered[readers] then
    if callNext(lock, readers, line, waits(i) and channel) == channel then
      entered[readers] = true
    elseif redis.call('EXISTS', lock) == 1 then
      return busy(i, line, ${claimMs})
    elseif ${headOf('line')} then
      return busy(i, line, redis.call('PTTL', readers))
    end
  end
  lease(readers, owner, ttl)
  -- Readers who stand right behind enter as well.
  callNext(lock, readers, line)
  return '+0'
`,
  write: `
  local holder = redis.call('GET', lock)
  if ${isWriter} then
    redis.call('PEXPIRE', lock, ttl)
    return '+' .. string.match(holder, '^(%d+)', #owner + 2)
  end
  local kept = waits(i) and holder == '>' .. channel
  if holder and not kept then return busy(i, line, redis.call('PTTL', lock)) end
  if not kept then
    if redis.call('ZCARD', readers) > 0 then return busy(i, line, redis.call('PTTL', readers)) end
    if callNext(lock, readers, line, waits(i) and channel) ~= channel then
      if redis.call('EXISTS', lock) == 1 or redis.call('ZCARD', readers) > 0 then return busy(i, line, ${claimMs}) end
    end
  end
  local number = advance(fence, fenceTtl)
  redis.call('SET', lock, ${heldBy('owner', 'number')}, 'PX', ttl)
  wait_again(i, line)
  return '+' .. number
`,
}

/** Of each mode: whether the owner had it, and has no more. */
const drop: Readonly<Record<Mode, string>> = {
  read: `redis.call('ZREM', readers, owner) == 1`,
  write: `${isWriter} and redis.call('DEL', lock) == 1`,
}

const freeing = (mode: Mode) => `
${clockNow}
${callNext}
local function free(lock, readers, line, owner)
  expire(readers)
  local holder = redis.call('GET', lock)
  if not (${drop[mode]}) then return '0' end
  if redis.call('EXISTS', lock) == 0 then pcall(callNext, lock, readers, line) end
  return '1'
end
`

const leaveScript = script({
  name: 'read-write.leave',
  keys: ['...keys'],
  args: ['channel', 'counts'],
  reply: () => undefined,
  lua: `
${clockNow}
${callNext}
local lock, readers, fence, line = unpack(keys)
redis.call('ZREM', line, '+' .. channel, '-' .. channel)
redis.call('ZREM', readers, '>' .. channel)
if redis.call('GET', lock) == '>' .. channel then redis.call('DEL', lock) end
expire(readers)
if redis.call('EXISTS', lock) == 0 then pcall(callNext, lock, readers, line) end
return 0
`,
})

const inspectScript = script({
  name: 'read-write.inspect',
  keys: ['...keys'],
  args: [],
  reply: inspectReply,
  lua: `
${clockNow}
local lock, readers, fence, line = unpack(keys)
local holder = redis.pcall('GET', lock)
local count = redis.call('ZCOUNT', readers, now, '+inf')
local left = redis.call('PTTL', lock)
if left == -2 and count > 0 then left = redis.call('PTTL', readers) end
return {
  type(holder) == 'string' and holder or '', left, redis.call('ZCOUNT', line, 0, '+inf'), now, count
}
`,
})

/** Frees it whoever has it, readers too: their processes are told. */
const forceScript = script({
  name: 'read-write.force',
  keys: ['...keys'],
  args: ['wake', 'counts'],
  reply: inspectReply,
  lua: `
${clockNow}
${callNext}
local lock, readers, fence, line = unpack(keys)
local holder = redis.call('GET', lock)
local left = redis.call('PTTL', lock)
expire(readers)
local members = redis.call('ZRANGE', readers, 0, -1)
if left == -2 and #members > 0 then left = redis.call('PTTL', readers) end
redis.call('DEL', lock, readers)
local function tell(mode, owner, number)
  local instance = string.match(owner, '^([^>/][^/]*)/')
  if instance then redis.pcall('PUBLISH', wake .. mode .. instance, '-' .. number .. ':' .. lock) end
end
if holder then tell('w/', holder, string.match(holder, '#(%d+)') or '0') end
for _, owner in ipairs(members) do tell('r/', owner, '0') end
pcall(callNext, lock, readers, line)
return { holder or '', left, redis.call('ZCOUNT', line, 0, '+inf'), now, #members }
`,
})

function scriptsFor(mode: Mode): LockScripts {
  return {
    acquire: script({
      name: `read-write.acquire-${mode}`,
      keys: ['...keys'],
      args: acquireArgs,
      reply: acquireReply,
      lua: asking(
        `
${waiting}
${callNext}
local entered = {}
local function take(i)
  local lock, readers, fence, line = unpack(keys, 4 * i - 3, 4 * i)
  local owner = prefix .. claims[i]
  expire(readers)
${take[mode]}
end
`,
        `for readers in pairs(entered) do redis.call('ZREM', readers, '>' .. channel) end`,
      ),
    }),
    extend: script({
      name: `read-write.extend-${mode}`,
      keys: ['...keys'],
      args: ['owner', 'ttl', 'fenceTtl'],
      reply: reply => reply === 1,
      lua:
        mode === 'read'
          ? `
${clockNow}
local lock, readers = unpack(keys)
local till = redis.call('ZSCORE', readers, owner)
if not till or tonumber(till) < now then return 0 end
redis.call('ZADD', readers, 'XX', string.format('%.0f', now + ttl), owner)
if redis.call('PTTL', readers) < tonumber(ttl) then redis.call('PEXPIRE', readers, ttl) end
return 1
`
          : `
local lock, readers, fence = unpack(keys)
local holder = redis.call('GET', lock)
if not (${isWriter}) then return 0 end
redis.call('PEXPIRE', lock, ttl)
redis.call('PEXPIRE', fence, fenceTtl)
return 1
`,
    }),
    release: script({
      name: `read-write.release-${mode}`,
      keys: ['...keys'],
      args: ['counts', 'prefix', '...claims'],
      reply: releaseReply,
      lua: `
${freeing(mode)}
local n, reply = #claims, {}
local function release(i) return free(keys[4 * i - 3], keys[4 * i - 2], keys[4 * i], prefix .. claims[i]) end
${eachClaim('release')}
return table.concat(reply, '\\n')
`,
    }),
    withdraw: script({
      name: `read-write.withdraw-${mode}`,
      keys: ['...keys'],
      args: ['owner', 'counts', 'notAfter'],
      reply: Number,
      lua: `
${freeing(mode)}
local lock, readers, fence, line = unpack(keys)
pcall(free, lock, readers, line, owner)
return ${yetGranted}
`,
    }),
    leave: leaveScript,
    inspect: inspectScript,
    force: forceScript,
  }
}

export const readWriteScripts: Readonly<Record<Mode, LockScripts>> = {
  read: scriptsFor('read'),
  write: scriptsFor('write'),
}

export const allReadWriteScripts = [
  ...new Set(Object.values(readWriteScripts).flatMap(scripts => Object.values(scripts) as readonly Script[])),
]
