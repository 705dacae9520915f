import { script } from '../../redis/script.ts'
import { prelude } from './lua-prelude.ts'

/** Entries stay a while longer than what they stand for: the clocks of two servers differ. */
export const listSlackMs = 300_000

export const noteScript = script({
  name: 'session.note',
  keys: ['list'],
  args: ['session', 'kept', 'most'],
  reply: reply => (reply as string[]).map(String),
  lua: `
${prelude}
local kept = tonumber(kept)
redis.call('ZREMRANGEBYSCORE', list, '-inf', figure(now - kept - ${listSlackMs}))
redis.call('ZADD', list, figure(now), session)
redis.call('PEXPIRE', list, figure(kept + ${listSlackMs}))
if most == '' or redis.call('ZCARD', list) <= tonumber(most) then return { figure(now) } end
local reply = redis.call('ZRANGE', list, 0, -1)
table.insert(reply, 1, figure(now))
return reply
`,
})

export const strikeScript = script({
  name: 'session.strike',
  keys: ['list'],
  args: ['idle', '...sessions'],
  reply: () => undefined,
  lua: `
${prelude}
for _, session in ipairs(sessions) do
  local at = redis.call('ZSCORE', list, session)
  if at and tonumber(at) <= now - tonumber(idle) then redis.call('ZREM', list, session) end
end
return 1
`,
})
