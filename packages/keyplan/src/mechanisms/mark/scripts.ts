import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { yetGranted } from '../lease/claim.ts'
import type { Answered } from '../lease/requests.ts'

/*
 * A mark is a hash: `state` (running, done or failed), `owner`, `until` (the end of the lease, epoch milliseconds on the
 * server's clock), `attempt`, `print` and `value`. An owner stays in it when it is settled, so that one that asks again
 * because the reply was lost is told that it was.
 */

const clock = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`

/** A user who may not publish has settled all the same, and waiters poll. */
const tell = "redis.pcall('PUBLISH', wake, '')"

/** The server's clock, a sign, and what belongs to it. */
export interface ClaimReply extends Answered {
  /**
   * `+` and the attempt: claimed. `-` and the milliseconds left: another has it. `?`: its owner fell silent. `!`: another
   * request. `done` or `failed`, and the value.
   */
  readonly sign: string
  readonly detail: Reply | undefined
}

export const claimScript = script({
  name: 'mark.claim',
  keys: ['mark'],
  args: ['owner', 'lease', 'ttl', 'takeOver', 'print', 'notAfter'],
  reply: (reply): ClaimReply => {
    const [now, sign, detail] = reply as Reply[]
    const said = String(sign)
    return { now: Number(String(now)), late: said === '~', sign: said, detail }
  },
  lua: `
${clock}
local at = string.format('%.0f', now)
local found = redis.call('HMGET', mark, 'state', 'owner', 'until', 'attempt', 'print', 'value')
local state, holder, known = found[1], found[2], found[5]
local function take(attempt)
  if now > tonumber(notAfter) then return { at, '~' } end
  local ends = string.format('%.0f', now + tonumber(lease))
  redis.call('HSET', mark, 'state', 'running', 'owner', owner, 'until', ends, 'attempt', attempt)
  if print ~= '' then redis.call('HSET', mark, 'print', print) end
  redis.call('PEXPIRE', mark, ttl)
  return { at, '+', tostring(attempt) }
end
if not state then return take(1) end
if known and print ~= '' and known ~= print then return { at, '!' } end
if state ~= 'running' then return { at, state, found[6] } end
if holder == owner then return take(tonumber(found[4])) end
local left = tonumber(found[3]) - now
if left > 0 then return { at, '-', string.format('%.0f', left) } end
if takeOver ~= '1' then return { at, '?' } end
return take(tonumber(found[4]) + 1)
`,
})

export const renewScript = script({
  name: 'mark.renew',
  keys: ['mark'],
  args: ['owner', 'lease', 'ttl'],
  reply: reply => reply === 1,
  lua: `
${clock}
local found = redis.call('HMGET', mark, 'state', 'owner')
if found[1] ~= 'running' or found[2] ~= owner then return 0 end
redis.call('PEXPIRE', mark, ttl)
redis.call('HSET', mark, 'until', string.format('%.0f', now + tonumber(lease)))
return 1
`,
})

export interface SettleReply {
  /** `1`: settled. `0`: not the owner. `!`: nothing was done. `x`: some commands were, and the mark has failed. */
  readonly sign: string
  /** What the server said of the command that it refused. */
  readonly refusal: string
}

/** Each of `commands` is the number of its words, and the words. The keys of all of them are `keys`, for a cluster. */
export const settleScript = script({
  name: 'mark.settle',
  keys: ['mark', '...keys'],
  args: ['owner', 'ttl', 'ending', 'value', 'broken', 'attempt', 'print', 'wake', '...commands'],
  reply: (reply): SettleReply => {
    const [sign, refusal = ''] = reply as Reply[]
    return { sign: String(sign), refusal: String(refusal) }
  },
  lua: `
local found = redis.call('HMGET', mark, 'state', 'owner')
local gone = not found[1] and ending == 'done' and #commands == 0
if found[2] ~= owner and not gone then return { '0' } end
if found[1] ~= 'running' and not gone then return { found[1] == ending and '1' or 'x', '' } end
local at, answer = 1, { '1' }
while at <= #commands do
  local last = at + tonumber(commands[at])
  local reply = redis.pcall(unpack(commands, at + 1, last))
  if type(reply) == 'table' and reply.err then
    if at == 1 then return { '!', reply.err } end
    ending, value, answer = 'failed', broken, { 'x', reply.err }
    break
  end
  at = last + 1
end
redis.call('HDEL', mark, 'until')
redis.call('HSET', mark, 'state', ending, 'value', value)
if gone then
  redis.call('HSET', mark, 'owner', owner, 'attempt', attempt)
  if print ~= '' then redis.call('HSET', mark, 'print', print) end
end
redis.call('PEXPIRE', mark, ttl)
${tell}
return answer
`,
})

/** The milliseconds in which a claim that is still on its way would yet be taken. */
export const withdrawScript = script({
  name: 'mark.withdraw',
  keys: ['mark'],
  args: ['owner', 'wake', 'notAfter'],
  reply: Number,
  lua: `
${clock}
local found = redis.call('HMGET', mark, 'state', 'owner')
if found[1] == 'running' and found[2] == owner then
  redis.call('DEL', mark)
  ${tell}
end
return ${yetGranted}
`,
})

export const forgetScript = script({
  name: 'mark.forget',
  keys: ['mark'],
  args: ['wake'],
  reply: reply => reply === 1,
  lua: `
if redis.call('DEL', mark) == 0 then return 0 end
${tell}
return 1
`,
})

/** State, attempt, milliseconds left of the lease and of the mark, value; empty when there is no mark. */
export const inspectScript = script({
  name: 'mark.inspect',
  keys: ['mark'],
  args: [],
  reply: reply => reply as Reply[],
  lua: `
local found = redis.call('HMGET', mark, 'state', 'attempt', 'until', 'value')
if not found[1] then return {} end
${clock}
local left = string.format('%.0f', math.max(0, (tonumber(found[3]) or 0) - now))
return { found[1], found[2], left, string.format('%.0f', redis.call('PTTL', mark)), found[4] or '' }
`,
})

export const markScripts = [claimScript, renewScript, settleScript, withdrawScript, forgetScript, inspectScript]
