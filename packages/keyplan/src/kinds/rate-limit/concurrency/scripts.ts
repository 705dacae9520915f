import type { Reply } from '../../../redis/redis.ts'
import { script } from '../../../redis/script.ts'
import type { Holding } from './store.ts'

/**
 * Key: a sorted set of permits by when their lease ends, on the clock of the server. Every script first drops those that
 * have ended; each is dropped once, so the work is that of the calls that made them.
 */
const locals = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function standing(granted)
  local first = redis.call('ZRANGEBYSCORE', key, '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  local held = redis.call('ZCOUNT', key, '(' .. text(now), '+inf')
  return { granted, held, first and first - now or 0, last and math.max(0, last - now) or 0 }
end
local function hold(id, lease)
  redis.call('ZADD', key, text(now + lease), id)
  if redis.call('PTTL', key) < tonumber(lease) then redis.call('PEXPIRE', key, lease) end
end
`

const drop = `redis.call('ZREMRANGEBYSCORE', key, '-inf', text(now))`

function holding(reply: Reply): Holding {
  const [granted, held, firstEndsMs, lastEndsMs] = (reply as Reply[]).map(Number) as [number, number, number, number]
  return { granted: granted === 1, held, firstEndsMs, lastEndsMs }
}

export const acquirePermit = script({
  name: 'rate-limit.acquire',
  keys: ['key'],
  args: ['id', 'limit', 'lease'],
  reply: holding,
  lua: `${locals}
${drop}
local has = redis.call('ZSCORE', key, id)
if not has and redis.call('ZCARD', key) >= tonumber(limit) then return standing(0) end
hold(id, lease)
return standing(1)
`,
})

export const renewPermit = script({
  name: 'rate-limit.renew',
  keys: ['key'],
  args: ['id', 'lease'],
  reply: reply => reply === 1,
  lua: `${locals}
${drop}
if not redis.call('ZSCORE', key, id) then return 0 end
hold(id, lease)
return 1
`,
})

/** A permit may free the place of one that waits only where all were held. Who may not tell of it has released it. */
export const releasePermit = script({
  name: 'rate-limit.release',
  keys: ['key'],
  args: ['id', 'limit', 'channel'],
  reply: () => undefined,
  lua: `
local full = redis.call('ZCARD', key) >= tonumber(limit)
if redis.call('ZREM', key, id) == 1 and full then redis.pcall('PUBLISH', channel, '') end
return 1
`,
})

export const peekPermits = script({
  name: 'rate-limit.permits',
  keys: ['key'],
  args: ['limit'],
  reply: holding,
  lua: `${locals}
local found = standing(0)
if found[2] < tonumber(limit) then found[1] = 1 end
return found
`,
})

export const concurrencyScripts = [acquirePermit, renewPermit, releasePermit, peekPermits]
