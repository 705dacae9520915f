import { logFunctions } from '../../mechanisms/log/announcement.ts'
import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { noteScript, strikeScript } from './list-scripts.ts'
import { prelude } from './lua-prelude.ts'

/**
 * What lies at many keys; `+` stands before what was touched. A server that takes no writes still tells what it has: what
 * cannot be noted for want of memory is at least extended. One that is no master any more is no one to ask.
 */
export const touchScript = script({
  name: 'session.touch',
  keys: ['...keys'],
  args: ['ttl', 'every'],
  reply: reply => reply as (string | null)[],
  lua: `
${prelude}
local life, pause = tonumber(ttl), tonumber(every)
local values = redis.call('MGET', unpack(keys))
for i = 1, #keys do
  local raw = values[i]
  if raw then
    local v, seen, bound, at = head(raw)
    if v and math.abs(now - seen) >= pause then
      bound = tonumber(bound)
      local rest = string.sub(raw, at)
      local done = put(keys[i], v, bound, life, rest)
      if done.err then
        if string.sub(done.err, 1, 8) == 'READONLY' then return done end
        redis.pcall('PEXPIREAT', keys[i], figure(math.min(now + life, bound)))
      else
        values[i] = '+' .. text(v, now, bound, rest)
      end
    end
  end
end
return values
`,
})

/** `+seen until`: saved. `~`: late. Otherwise what was found. */
export type SaveReply = string | null

const saveReply = (reply: Reply) => reply as SaveReply

/** What became of it, and why that was not announced, in the server's words. */
export interface ToldReply {
  readonly is: SaveReply
  readonly unannounced: string | undefined
}

function toldReply(reply: Reply): ToldReply {
  const [is, refusal] = reply as [SaveReply, string?]
  return { is, unannounced: refusal || undefined }
}

/** `tell(text, head, owner, …)` announces what became of a session, with its user: the one that stands in its text, if it is not told. */
const tell = `
${logFunctions}
local function tell(text, head, owner, ...)
  if owner == '' then owner = string.match(text, '"user":(.-),"device":') or 'null' end
  return announced(head .. owner .. '}', ...)
end
`

export const createScript = script({
  name: 'session.create',
  keys: ['session'],
  args: ['rest', 'ttl', 'bound', 'notAfter', '...news'],
  reply: toldReply,
  lua: `
${prelude}
${tell}
local raw = redis.call('GET', session)
if raw then
  local v, seen, untouched, at = head(raw)
  if v == '1' and string.sub(raw, at) == rest then return { '+' .. seen .. ' ' .. untouched } end
  return { raw }
end
if notAfter ~= '' and now > tonumber(notAfter) then return { '~' } end
local done = put(session, 1, tonumber(bound), tonumber(ttl), rest)
if done.err then return done end
return { '+' .. figure(now) .. ' ' .. bound, tell(rest, unpack(news)) }
`,
})

export const saveScript = script({
  name: 'session.save',
  keys: ['session'],
  args: ['version', 'rest', 'ttl', 'bound', 'notAfter'],
  reply: saveReply,
  lua: `
${prelude}
local raw = redis.call('GET', session)
if not raw then return false end
local v, seen, before, at = head(raw)
if not v then return raw end
if v ~= version then
  if string.sub(raw, at) == rest then return '+' .. seen .. ' ' .. before end
  return raw
end
if notAfter ~= '' and now > tonumber(notAfter) then return '~' end
if bound == '' then bound = before end
local done = put(session, v + 1, tonumber(bound), tonumber(ttl), rest)
if done.err then return done end
return '+' .. figure(now) .. ' ' .. bound
`,
})

export const prolongScript = script({
  name: 'session.prolong',
  keys: ['session'],
  args: ['ttl', 'bound'],
  reply: () => undefined,
  lua: `
${prelude}
local raw = redis.call('GET', session)
if not raw then return 0 end
local v, seen, before, at = head(raw)
if not v or tonumber(before) >= tonumber(bound) then return 0 end
local done = put(session, v, tonumber(bound), tonumber(ttl), string.sub(raw, at))
if done.err then return done end
return 1
`,
})

/** `+` and what was there: ended. Otherwise what was found. It begins with what frees memory, so that it works without any. */
export const endScript = script({
  name: 'session.end',
  keys: ['session'],
  args: ['version', 'trace', 'keep', 'wake', '...news'],
  reply: toldReply,
  lua: `
${prelude}
${tell}
local raw = redis.call('GET', session)
if not raw then return { false } end
local v = head(raw)
if not v or (version ~= '' and v ~= version) then return { raw } end
redis.call('DEL', session)
redis.call('SET', session, trace, 'PX', keep)
redis.pcall('PUBLISH', wake, '')
return { '+' .. raw, tell(raw, unpack(news)) }
`,
})

export const moveScript = script({
  name: 'session.move',
  keys: ['session', 'to'],
  args: ['version', 'trace', 'keep', 'wake', 'rest', 'ttl', 'bound', 'notAfter', '...news'],
  reply: toldReply,
  lua: `
${prelude}
${tell}
local raw = redis.call('GET', session)
if not raw then return { false } end
local v = head(raw)
if not v then
  local moved = raw == trace and redis.call('GET', to)
  if moved then
    local _, seen, before = head(moved)
    if seen then return { '+' .. seen .. ' ' .. before } end
  end
  return { raw }
end
if v ~= version then return { raw } end
if notAfter ~= '' and now > tonumber(notAfter) then return { '~' } end
redis.call('DEL', session)
local done = put(to, 1, tonumber(bound), tonumber(ttl), rest)
if done.err then return done end
redis.pcall('SET', session, trace, 'PX', keep)
redis.pcall('PUBLISH', wake, '')
return { '+' .. figure(now) .. ' ' .. bound, tell(rest, unpack(news)) }
`,
})

export const sessionScripts = [
  touchScript,
  createScript,
  saveScript,
  prolongScript,
  endScript,
  moveScript,
  noteScript,
  strikeScript,
]
