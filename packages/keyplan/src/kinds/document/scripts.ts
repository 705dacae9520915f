import { logFunctions } from '../../mechanisms/log/announcement.ts'
import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import type { Removed } from './store.ts'

/**
 * The document itself is what its codec writes, so that anybody can read and write it. What is known of it lies beside:
 * `<version> <sha1 of the value> <id of the write>`. A value with another hash was written by another program.
 *
 * A version is the larger of the last one plus 1 and the server's time in microseconds: it grows also when what is known was
 * lost, or the document was deleted, unless the server's clock was turned back as well.
 */
const look = `
local time = redis.call('TIME')
local micros = tonumber(time[1]) * 1000000 + tonumber(time[2])
local value = redis.call('GET', doc)
local version, hash, writer = string.match(redis.call('GET', meta) or '', '^(%d+) (%x*) (.*)$')
version = tonumber(version) or 0
local function after(last) return math.max(last + 1, micros) end
local function text(number) return string.format('%.0f', number) end
local foreign = value and redis.sha1hex(value) ~= hash
if foreign then version, writer = after(version), '' end
local present = value and version or 0
local function left() return redis.call('PTTL', doc) end
local function adopt()
  if not foreign then return end
  local ends = left()
  if ttl ~= '' and ends < 0 then
    redis.pcall('PEXPIRE', doc, ttl)
    ends = tonumber(ttl)
  end
  redis.pcall('SET', meta, text(version) .. ' ' .. redis.sha1hex(value) .. ' ')
  if ends >= 0 then redis.pcall('PEXPIRE', meta, text(ends)) end
end
`

/** `tell(change, version, value, params, …)` announces a change where that is declared, as `changeText` has it. */
const tell = `
${logFunctions}
local function tell(change, version, value, params, ...)
  local message = '{"change":"' .. change .. '","params":' .. params .. ',"version":' .. version
  if value then message = message .. ',"value":' .. value end
  return announced(message .. '}', ...)
end
`

export interface LookReply {
  readonly version: number
  readonly value: Reply | undefined
  /** Below 0: it does not end by itself. */
  readonly left: number
}

function readLook([version, value, left]: readonly Reply[]): LookReply {
  return { version: Number(String(version)), value, left: Number(String(left ?? -2)) }
}

/** What another program has written is given its version and, if documents end, an end. */
export const readScript = script({
  name: 'document.read',
  keys: ['doc', 'meta'],
  args: ['ttl'],
  reply: reply => readLook(reply as Reply[]),
  lua: `
${look}
if not value then return { '0' } end
adopt()
return { text(version), value, text(left()) }
`,
})

export interface WriteReply {
  readonly done: boolean
  readonly found: LookReply
  /** Why it was done and not announced, in the server's words. */
  readonly unannounced: string | undefined
}

/** Keeps the version before in the history, which is as old as the document at most. */
export const writeScript = script({
  name: 'document.write',
  keys: ['doc', 'meta', 'past'],
  args: ['new', 'id', 'expected', 'ttl', 'renew', 'keep', 'channel', '...news'],
  reply: (reply): WriteReply => {
    const [done, ...found] = reply as Reply[]
    if (Number(String(done)) !== 1) return { done: false, found: readLook(found), unannounced: undefined }
    const [version, refusal] = found
    return { done: true, found: readLook([version!]), unannounced: String(refusal ?? '') || undefined }
  },
  lua: `
${look}
${tell}
if value and writer == id then return { '1', text(version) } end
if expected ~= '' and tonumber(expected) ~= present then
  if not value then return { '0', '0' } end
  adopt()
  return { '0', text(version), value, text(left()) }
end
local ends = ttl
if value and renew ~= '1' and ttl ~= '' and left() > 0 then ends = text(left()) end
local number = text(after(version))
redis.call('SET', doc, new)
redis.call('SET', meta, number .. ' ' .. redis.sha1hex(new) .. ' ' .. id)
if keep ~= '0' and value then
  redis.call('LPUSH', past, text(version) .. ' ' .. value)
  redis.call('LTRIM', past, 0, tonumber(keep) - 1)
end
if ends ~= '' then
  redis.call('PEXPIRE', doc, ends)
  redis.call('PEXPIRE', meta, ends)
  redis.call('PEXPIRE', past, ends)
end
redis.pcall('PUBLISH', channel, number)
return { '1', number, tell(value and 'changed' or 'created', number, new, unpack(news)) }
`,
})

export const removeScript = script({
  name: 'document.remove',
  keys: ['doc', 'meta', 'past'],
  args: ['expected', 'channel', '...news'],
  reply: (reply): Removed => {
    const [done, refusal] = reply as Reply[]
    return { done: done === 1, unannounced: String(refusal ?? '') || undefined }
  },
  lua: `
${look}
${tell}
if not value or (expected ~= '' and tonumber(expected) ~= present) then return { 0 } end
redis.call('DEL', doc, meta, past)
redis.pcall('PUBLISH', channel, '0')
return { 1, tell('deleted', '0', nil, unpack(news)) }
`,
})

export const documentScripts = [readScript, writeScript, removeScript]
