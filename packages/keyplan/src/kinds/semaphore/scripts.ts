import { yetGranted } from '../../mechanisms/lease/claim.ts'
import { fencing } from '../../mechanisms/lease/fence.ts'
import { readSigned } from '../../mechanisms/lease/requests.ts'
import { script } from '../../redis/script.ts'

/**
 * At the key lies a sorted set with a member for each permit that is held, `<owner>#<number>`, by the time at which it
 * expires on the server's clock. So permits expire singly, and what is held is counted and not kept in a counter.
 */
const members = `
local function member(number) return owner .. '#' .. number end
local function owns()
  for number = 1, tonumber(permits) do
    local score = redis.call('ZSCORE', semaphore, member(number))
    if not score or tonumber(score) <= now then return false end
  end
  return true
end
`

/** The key ends no earlier than the last permit does. */
const hold = `
local function hold(ttl, alone)
  local scored = {}
  local till = string.format('%.0f', now + tonumber(ttl))
  for number = 1, tonumber(permits) do
    scored[2 * number - 1] = till
    scored[2 * number] = member(number)
  end
  redis.call('ZADD', semaphore, unpack(scored))
  if alone then redis.call('PEXPIREAT', semaphore, till) else redis.call('PEXPIREAT', semaphore, till, 'GT') end
end
`

/** Permits that have expired: nobody counts them, so it matters only that they do not pile up. */
const sweep = `redis.call('ZREMRANGEBYSCORE', semaphore, '-inf', string.format('%.0f', now))`

/**
 * `+` and the fence: granted. `-` and the milliseconds until enough permits expire: busy. `>` and the number there is: that many
 * there are not. Without a write before the fence, so that at maxmemory nothing is given out.
 */
export const acquireScript = script({
  name: 'semaphore.acquire',
  keys: ['semaphore', 'fence', 'limit'],
  args: ['owner', 'permits', 'declared', 'ttl', 'fenceTtl', 'notAfter'],
  reply: readSigned,
  lua: `
${fencing}
${members}
${hold}
local function take()
  if now > tonumber(notAfter) then return '~' end
  local resized = redis.call('GET', limit)
  local held
  if not owns() then
    local most = tonumber(resized or declared)
    if tonumber(permits) > most then return '>' .. most end
    local alive = string.format('(%.0f', now)
    held = redis.call('ZCOUNT', semaphore, alive, '+inf')
    local lacking = held + tonumber(permits) - most
    if lacking > 0 then
      local next = redis.call('ZRANGE', semaphore, alive, '+inf', 'BYSCORE', 'LIMIT', lacking - 1, 1, 'WITHSCORES')
      return '-' .. string.format('%.0f', tonumber(next[2]) - now)
    end
  end
  local number = advance(fence, fenceTtl)
  if resized then redis.call('PEXPIRE', limit, fenceTtl) end
  ${sweep}
  hold(ttl, held == 0)
  return '+' .. number
end
return { string.format('%.0f', now), take() }
`,
})

/** Begins with a write that frees, so that it works at maxmemory. */
export const extendScript = script({
  name: 'semaphore.extend',
  keys: ['semaphore', 'fence', 'limit'],
  args: ['owner', 'permits', 'ttl', 'fenceTtl'],
  reply: reply => reply === 1,
  lua: `
${fencing}
${sweep}
${members}
${hold}
if not owns() then return 0 end
hold(ttl)
redis.call('PEXPIRE', fence, fenceTtl)
redis.call('PEXPIRE', limit, fenceTtl)
return 1
`,
})

/** Permits are free once they are removed: a user who may not publish has released them all the same, and waiters poll. */
const release = `
local alive = owns()
for number = 1, tonumber(permits) do redis.call('ZREM', semaphore, member(number)) end
if alive then redis.pcall('PUBLISH', wake, '') end
`

export const releaseScript = script({
  name: 'semaphore.release',
  keys: ['semaphore'],
  args: ['owner', 'permits', 'wake'],
  reply: reply => reply === 1,
  lua: `
${fencing}
${members}
${release}
return alive and 1 or 0
`,
})

/** Release, and the milliseconds in which an acquire that is still on its way would yet be granted. */
export const withdrawScript = script({
  name: 'semaphore.withdraw',
  keys: ['semaphore'],
  args: ['owner', 'permits', 'wake', 'notAfter'],
  reply: Number,
  lua: `
${fencing}
${members}
${release}
return ${yetGranted}
`,
})

export interface PermitsHeld {
  /** Undefined where it was not set at run time. */
  readonly limit: number | undefined
  /** Milliseconds that each permit has left, those that end first in front. */
  readonly remainingMs: readonly number[]
}

export const inspectScript = script({
  name: 'semaphore.inspect',
  keys: ['semaphore', 'limit'],
  args: [],
  reply: (reply): PermitsHeld => {
    const [limit, ...remaining] = reply as string[]
    return { limit: limit === '' ? undefined : Number(limit), remainingMs: remaining.map(Number) }
  },
  lua: `
${fencing}
local reply = { redis.call('GET', limit) or '' }
local alive = redis.call('ZRANGE', semaphore, string.format('(%.0f', now), '+inf', 'BYSCORE', 'WITHSCORES')
for index = 2, #alive, 2 do reply[#reply + 1] = string.format('%.0f', tonumber(alive[index]) - now) end
return reply
`,
})

/** With an empty number what is declared holds again. Whoever waits may be served now. */
export const resizeScript = script({
  name: 'semaphore.resize',
  keys: ['limit'],
  args: ['permits', 'limitTtl', 'wake'],
  reply: () => {},
  lua: `
if permits == '' then redis.call('DEL', limit) else redis.call('SET', limit, permits, 'PX', limitTtl) end
redis.pcall('PUBLISH', wake, '')
`,
})

export const semaphoreScripts = [
  acquireScript,
  extendScript,
  releaseScript,
  withdrawScript,
  inspectScript,
  resizeScript,
]
