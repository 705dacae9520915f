import { script } from '../../redis/script.ts'

/**
 * What lies at the key of a lock is `<owner>#<fence>`. The fence is there too, so that an owner who asks again is told
 * the same one whatever became of the helper key.
 */
const isOwner = (holder: string) => `string.sub(${holder}, 1, #owner + 1) == owner .. '#'`

/** Times are whole milliseconds on the server's clock. */
const now = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`

/** What a script says of one lock: a sign, and what belongs to it. `!` comes before an error text. */
export interface Line {
  readonly sign: string
  readonly detail: string
}

const lineOf = (text: string): Line => ({ sign: text.slice(0, 1), detail: text.slice(1) })

export interface AcquireReply {
  readonly now: number
  /** `+` and the fence: granted. `-` and the milliseconds left: busy. `~`: too late. */
  readonly lines: readonly Line[]
}

/**
 * The fence is the larger of the last one plus 1 and the server's time in microseconds: it grows also when the helper
 * key was lost, unless the server's clock was turned back as well. Microseconds fit a Lua number until the year 2255.
 *
 * Takes many locks, each for itself: `keys` are pairs of a lock and its fence, in the order of `owners`.
 */
export const acquireScript = script({
  name: 'lock.acquire',
  keys: ['...keys'],
  args: ['ttl', 'fenceTtl', 'notAfter', '...owners'],
  reply: (reply): AcquireReply => {
    const [now, ...lines] = (reply as string).split('\n')
    return { now: Number(now), lines: lines.map(lineOf) }
  },
  lua: `
${now}
local reply = { string.format('%.0f', now) }
local late = now > tonumber(notAfter)
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local call = redis.pcall
local function take(lock, fence, owner)
  if late then return '~' end
  local holder = call('GET', lock)
  if type(holder) == 'table' then return '!' .. holder.err end
  if holder then
    if ${isOwner('holder')} then
      call('PEXPIRE', lock, ttl)
      return '+' .. string.sub(holder, #owner + 2)
    end
    return '-' .. string.format('%.0f', call('PTTL', lock))
  end
  local last = call('GET', fence)
  local number = string.format('%.0f', math.max((tonumber(type(last) == 'string' and last) or 0) + 1, micros))
  local done = call('SET', fence, number, 'PX', fenceTtl)
  if not done.err then done = call('SET', lock, owner .. '#' .. number, 'PX', ttl) end
  return done.err and '!' .. done.err or '+' .. number
end
for i, owner in ipairs(owners) do reply[i + 1] = take(keys[2 * i - 1], keys[2 * i], owner) end
return table.concat(reply, '\\n')
`,
})

export const extendScript = script({
  name: 'lock.extend',
  keys: ['lock', 'fence'],
  args: ['owner', 'ttl', 'fenceTtl'],
  reply: reply => reply === 1,
  lua: `
local holder = redis.call('GET', lock)
if not holder or not (${isOwner('holder')}) then
  return 0
end
redis.call('PEXPIRE', lock, ttl)
redis.call('PEXPIRE', fence, fenceTtl)
return 1
`,
})

/** The lock is free once it is deleted: a user who may not publish has released it all the same, and waiters poll. */
const release = `
local function release(lock, owner, wake)
  local holder = redis.pcall('GET', lock)
  if type(holder) == 'table' then return '!' .. holder.err end
  if not holder or not (${isOwner('holder')}) then return '0' end
  redis.call('DEL', lock)
  redis.pcall('PUBLISH', wake, '')
  return '1'
end
`

/** Many locks, each for itself: `owners` are pairs of an owner and the channel that is told. */
export const releaseScript = script({
  name: 'lock.release',
  keys: ['...locks'],
  args: ['...owners'],
  reply: reply => (reply as string).split('\n').map(lineOf),
  lua: `
${release}
local reply = {}
for i, lock in ipairs(locks) do reply[i] = release(lock, owners[2 * i - 1], owners[2 * i]) end
return table.concat(reply, '\\n')
`,
})

/** Release, and the milliseconds in which an acquire that is still on its way would yet be granted. */
export const withdrawScript = script({
  name: 'lock.withdraw',
  keys: ['lock'],
  args: ['owner', 'wake', 'notAfter'],
  reply: Number,
  lua: `
${release}
release(lock, owner, wake)
${now}
return string.format('%.0f', math.max(0, tonumber(notAfter) + 1 - now))
`,
})

export const lockScripts = [acquireScript, extendScript, releaseScript, withdrawScript]
