import { yetGranted } from '../../../mechanisms/lease/claim.ts'
import { clockNow } from '../../../mechanisms/lease/fence.ts'
import type { Answered } from '../../../mechanisms/lease/requests.ts'
import type { Reply } from '../../../redis/redis.ts'
import { script } from '../../../redis/script.ts'
import type { Holding } from './store.ts'

/**
 * Key: a sorted set of permits by when their lease ends, on the clock of the server. Every script first drops those that
 * have ended; each is dropped once, so the work is that of the calls that made them.
 */
const locals = `
${clockNow}
local function text(number) return string.format('%.0f', number) end
local function standing(granted)
  local first = redis.call('ZRANGEBYSCORE', key, '(' .. text(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)[2]
  local last = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  local held = redis.call('ZCOUNT', key, '(' .. text(now), '+inf')
  return { granted, held, first and first - now or 0, last and math.max(0, last - now) or 0, now }
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
  args: ['id', 'limit', 'lease', 'notAfter'],
  reply: (reply): Holding & Answered => ({
    late: Number((reply as Reply[])[0]) < 0,
    now: Number((reply as Reply[])[4]),
    ...holding(reply),
  }),
  lua: `${locals}
if now > tonumber(notAfter) then return standing(-1) end
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
const release = `
local full = redis.call('ZCARD', key) >= tonumber(limit)
if redis.call('ZREM', key, id) == 1 and full then redis.pcall('PUBLISH', channel, '') end
`

export const releasePermit = script({
  name: 'rate-limit.release',
  keys: ['key'],
  args: ['id', 'limit', 'channel'],
  reply: () => undefined,
  lua: `${release}
return 1
`,
})

/** Release, and the milliseconds in which an acquire that is still on its way would yet be granted. */
export const withdrawPermit = script({
  name: 'rate-limit.withdraw',
  keys: ['key'],
  args: ['id', 'limit', 'channel', 'notAfter'],
  reply: Number,
  lua: `${clockNow}${release}
return ${yetGranted}
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

export const concurrencyScripts = [acquirePermit, renewPermit, releasePermit, withdrawPermit, peekPermits]
