import { clockNow, fencing } from '../../mechanisms/lease/fence.ts'
import { type Script, script } from '../../redis/script.ts'
import { callNext, claimMs, seating } from './line-lua.ts'

/**
 * What lies at the key of a lock is `<owner>#<fence>@<since>`. The fence is there too, so that an owner who asks again is
 * told the same one whatever became of the helper key. Or it is `><channel>`: kept for the process that is next.
 */
const isOwner = (holder: string) => `string.sub(${holder}, 1, #owner + 1) == owner .. '#'`

/** What a script says of one lock: a sign, and what belongs to it. `!` comes before an error text. */
export interface Line {
  readonly sign: string
  readonly detail: string
}

export const lineOf = (text: string): Line => ({ sign: text.slice(0, 1), detail: text.slice(1) })

/** The scripts by which a store over Redis works. Their keys are those that its `LockForm` names, in order. */
export interface LockScripts {
  readonly acquire: Script<
    '...keys',
    'ttl' | 'fenceTtl' | 'notAfter' | 'channel' | 'counts' | '...claims',
    AcquireReply
  >
  readonly extend: Script<'...keys', 'owner' | 'ttl' | 'fenceTtl', boolean>
  readonly release: Script<'...keys', 'counts' | '...owners', readonly Line[]>
  readonly withdraw: Script<'...keys', 'owner' | 'counts' | 'notAfter', number>
  readonly leave: Script<'...keys', 'channel' | 'counts', undefined>
  readonly inspect: Script<'...keys', never, InspectReply>
  readonly force: Script<'...keys', 'wake' | 'counts', InspectReply>
}

export interface AcquireReply {
  readonly now: number
  /** `+` and the fence: granted. `-` and the milliseconds left: busy. `~`: too late. */
  readonly lines: readonly Line[]
}

export function acquireReply(reply: unknown): AcquireReply {
  const [now, ...lines] = (reply as string).split('\n')
  return { now: Number(now), lines: lines.map(lineOf) }
}

/**
 * Takes many locks, each for itself: `keys` are triples of a lock, its fence and its line, and `claims` pairs of an owner
 * and the seat of one who waits: the milliseconds that it lives, with `+` where others of the process wait behind; or ''.
 */
const acquireScript = script({
  name: 'lock.acquire',
  keys: ['...keys'],
  args: ['ttl', 'fenceTtl', 'notAfter', 'channel', 'counts', '...claims'],
  reply: acquireReply,
  lua: `
${fencing}
${seating}
${callNext}
local reply = { string.format('%.0f', now) }
local late = now > tonumber(notAfter)
local since = '@' .. reply[1]
local wanted, lines = {}, {}
for i = 1, #keys, 3 do
  wanted[#wanted + 1] = keys[i]
  wanted[#wanted + 1] = keys[i + 1]
  lines[#lines + 1] = keys[i + 2]
end
local found = redis.call('MGET', unpack(wanted))
local lined = redis.call('EXISTS', unpack(lines)) > 0
local call = redis.pcall
local function take(holder, last, lock, fence, line, owner, seat)
  local waits = seat ~= ''
  local function busy(left)
    if waits then pcall(sit, line, channel, string.match(seat, '%d+')) end
    return '-' .. string.format('%.0f', left)
  end
  local kept = false
  if holder then
    if ${isOwner('holder')} then
      call('PEXPIRE', lock, ttl)
      return '+' .. string.match(holder, '^(%d+)', #owner + 2)
    end
    kept = waits and holder == '>' .. channel
    if not kept then return busy(call('PTTL', lock)) end
  elseif lined then
    local next = callNext(lock, line, waits and channel)
    if next and next ~= channel then return busy(${claimMs}) end
  end
  local number = next_fence(last)
  local done = call('SET', lock, owner .. '#' .. number .. since, 'PX', ttl, kept and 'XX' or 'NX')
  if not done then
    -- It is of another type, or was taken a moment ago by an earlier request of this call.
    local other = call('GET', lock)
    if type(other) == 'table' then return '!' .. other.err end
    return busy(call('PTTL', lock))
  end
  if not done.err then done = call('SET', fence, number, 'PX', fenceTtl) end
  if done.err then
    call('DEL', lock)
    return '!' .. done.err
  end
  if string.sub(seat, -1) == '+' then pcall(sit, line, channel, string.match(seat, '%d+')) end
  return '+' .. number
end
for i = 1, #claims / 2 do
  local k, f = 3 * i, 2 * i
  reply[i + 1] = late and '~'
    or take(found[f - 1], found[f], keys[k - 2], keys[k - 1], keys[k], claims[f - 1], claims[f])
end
return table.concat(reply, '\\n')
`,
})

const extendScript = script({
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
 * Many locks, each for itself: `keys` are pairs of a lock and its line. A lock that nobody waits for is free once it is
 * deleted. The deletes come first: after them a script may write at maxmemory.
 */
const releaseScript = script({
  name: 'lock.release',
  keys: ['...keys'],
  args: ['counts', '...owners'],
  reply: reply => (reply as string).split('\n').map(lineOf),
  lua: `
local locks, lines = {}, {}
for i = 1, #keys, 2 do
  locks[#locks + 1] = keys[i]
  lines[#lines + 1] = keys[i + 1]
end
local found = redis.call('MGET', unpack(locks))
local reply, freed, own = {}, {}, {}
for i, owner in ipairs(owners) do
  local holder = not own[locks[i]] and found[i]
  local mine = holder and ${isOwner('holder')}
  reply[i] = mine and '1' or '0'
  if mine then
    own[locks[i]] = lines[i]
    freed[#freed + 1] = locks[i]
  end
end
if #freed > 0 then redis.call('DEL', unpack(freed)) end
if #freed > 0 and redis.call('EXISTS', unpack(lines)) > 0 then
  ${clockNow}
  ${callNext}
  for _, lock in ipairs(freed) do pcall(callNext, lock, own[lock]) end
end
return table.concat(reply, '\\n')
`,
})

/** Release, and the milliseconds in which an acquire that is still on its way would yet be granted. */
const withdrawScript = script({
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
return string.format('%.0f', math.max(0, tonumber(notAfter) + 1 - now))
`,
})

/** Gives up the place of a process, and what is kept for it. */
const leaveScript = script({
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

/** Of a lock: what lies there, the milliseconds left (-2: free), how many processes wait, and the server's time. */
export interface InspectReply {
  readonly holder: string
  readonly left: number
  readonly waiters: number
  readonly now: number
  /** Of a read-write lock. */
  readonly readers: number
}

export function inspectReply(reply: unknown): InspectReply {
  const [holder, left, waiters, now, readers] = reply as [string, number, number, number, number]
  return { holder, left, waiters, now, readers }
}

const inspectScript = script({
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
const forceScript = script({
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

export const mutexScripts: LockScripts = {
  acquire: acquireScript,
  extend: extendScript,
  release: releaseScript,
  withdraw: withdrawScript,
  leave: leaveScript,
  inspect: inspectScript,
  force: forceScript,
}

export const lockScripts = Object.values(mutexScripts) as readonly Script[]
