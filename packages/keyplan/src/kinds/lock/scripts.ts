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

export type AcquireReply =
  | { readonly verdict: 'granted'; readonly fence: string; readonly now: number }
  | { readonly verdict: 'busy'; readonly remaining: number; readonly now: number }
  | { readonly verdict: 'late'; readonly now: number }

/**
 * The fence is the larger of the last one plus 1 and the server's time in microseconds: it grows also when the helper
 * key was lost, unless the server's clock was turned back as well. Microseconds fit a Lua number until the year 2255.
 */
export const acquireScript = script({
  name: 'lock.acquire',
  keys: ['lock', 'fence'],
  args: ['owner', 'ttl', 'fenceTtl', 'notAfter'],
  reply: (reply): AcquireReply => {
    const [verdict, detail, now] = reply as ['granted' | 'busy' | 'late', string, string]
    if (verdict === 'granted') return { verdict, fence: detail, now: Number(now) }
    if (verdict === 'busy') return { verdict, remaining: Number(detail), now: Number(now) }
    return { verdict, now: Number(now) }
  },
  lua: `
${now}
local stamp = string.format('%.0f', now)
if now > tonumber(notAfter) then
  return { 'late', '', stamp }
end
local holder = redis.call('GET', lock)
if holder then
  if ${isOwner('holder')} then
    redis.call('PEXPIRE', lock, ttl)
    return { 'granted', string.sub(holder, #owner + 2), stamp }
  end
  return { 'busy', string.format('%.0f', redis.call('PTTL', lock)), stamp }
end
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', fence) or '0') or 0
local number = string.format('%.0f', math.max(last + 1, micros))
redis.call('SET', fence, number, 'PX', fenceTtl)
redis.call('SET', lock, owner .. '#' .. number, 'PX', ttl)
return { 'granted', number, stamp }
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
local freed = 0
local holder = redis.call('GET', lock)
if holder and ${isOwner('holder')} then
  redis.call('DEL', lock)
  redis.pcall('PUBLISH', wake, '')
  freed = 1
end
`

export const releaseScript = script({
  name: 'lock.release',
  keys: ['lock'],
  args: ['owner', 'wake'],
  reply: reply => reply === 1,
  lua: `
${release}
return freed
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
${now}
return string.format('%.0f', math.max(0, tonumber(notAfter) + 1 - now))
`,
})

export const lockScripts = [acquireScript, extendScript, releaseScript, withdrawScript]
