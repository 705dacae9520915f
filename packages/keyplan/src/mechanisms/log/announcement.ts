import type { Argument } from '../../redis/redis.ts'
import { beginning, isId, type LogEntry } from './entry.ts'
import type { LogTerms } from './terms.ts'

/** A channel on which something is published in the step that changes it. */
export interface Announcement {
  readonly channel: string
  /** By SPUBLISH: on a cluster the channel lies in the slot of what changes. */
  readonly sharded: boolean
  /** The log beside a reliable channel, in the slot of what changes. */
  readonly log: { readonly key: string; readonly terms: LogTerms } | undefined
}

/**
 * A message of a reliable channel as it goes over the wire: `~<id>~<id of the one before>~<value>`. What other software
 * publishes there by hand has no ids.
 */
export const sealed = (id: string, prev: string, value: string) => `~${id}~${prev}~${value}`

const seal = /^~(\d+-\d+)~(\d+-\d+)~/

/** Undefined where it is no sealed message. */
export function unsealed(payload: string): (LogEntry & { readonly value: string }) | undefined {
  const match = seal.exec(payload)
  if (!match) return undefined
  const [head, id = beginning, prev] = match
  return isId(id) ? { id, prev, value: payload.slice(head.length) } : undefined
}

export const termsArguments = ({ count, ageMs, bytes, ttlMs, renew }: LogTerms): Argument[] => [
  count,
  ageMs,
  bytes,
  ttlMs,
  renew ? 1 : 0,
]

/** What the Lua function `announce` takes behind the value. */
export function announcementArguments(announcement: Announcement | undefined): Argument[] {
  if (!announcement) return ['']
  const { channel, sharded, log } = announcement
  return [sharded ? 'SPUBLISH' : 'PUBLISH', channel, ...(log ? [log.key, ...termsArguments(log.terms)] : [])]
}

/**
 * `append(log, value, count, age, bytes, ttl, renew)` gives the id of the new entry and that of the one before. Each entry
 * says which one it follows: who reads on from there knows that nothing lay between. The bytes of all values up to an
 * entry stand in it, so that how much is kept is the difference of two entries. Both are read from the last one.
 *
 * Where the server's clock is behind the last entry, as after a failover to one whose clock is, the id is some way behind that
 * instead of next to it: a master that is gone may have given out the next ones, and who had those would take these for them.
 *
 * `announce(value, command, channel, log, …)` publishes, and appends to the channel's log first where it has one. It gives
 * the receivers, or -1 and why it was refused, and the id: what was changed is changed, also where the user may not publish.
 *
 * `announced(value, …)` does so for what has been changed already: it gives why it was refused, whatever that is, and never throws.
 */
export const logFunctions = `
local function field(entry, name)
  for i = 1, #entry[2], 2 do if entry[2][i] == name then return entry[2][i + 1] end end
end
local function log_time()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), tonumber(time[2])
end
local function append(log, value, count, age, bytes, ttl, renew)
  count, age, bytes = tonumber(count), tonumber(age), tonumber(bytes)
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1]
  local prev = last and last[1] or '${beginning}'
  local entry = { 'p', prev }
  local total = 0
  if bytes > 0 then
    total = (last and tonumber(field(last, 'b')) or 0) + #value
    entry = { 'p', prev, 'b', string.format('%.0f', total) }
  end
  entry[#entry + 1] = 'v'
  entry[#entry + 1] = value
  local function add(id)
    if count > 0 then return redis.call('XADD', log, 'MAXLEN', '=', count, id, unpack(entry)) end
    return redis.call('XADD', log, id, unpack(entry))
  end
  local id = add('*')
  -- Another one of the same millisecond, or the clock is behind.
  if string.sub(id, -2) ~= '-0' then
    local now, microseconds = log_time()
    local ahead, number = string.match(id, '^(%d+)-(%d+)$')
    if now < tonumber(ahead) then
      redis.call('XDEL', log, id)
      id = add(ahead .. '-' .. string.format('%.0f', tonumber(number) + 1 + microseconds))
    end
  end
  if age > 0 then
    local oldest = log_time() - age
    -- The newest stays, also where the server's clock was behind when it came.
    if oldest > 0 and oldest < tonumber(string.match(id, '%d+')) then
      redis.call('XTRIM', log, 'MINID', '=', string.format('%.0f', oldest))
    end
  end
  while bytes > 0 do
    local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
    if first[1] == id then break end
    local before = (tonumber(field(first, 'b')) or 0) - #(field(first, 'v') or '')
    if total - before <= bytes then break end
    redis.call('XDEL', log, first[1])
  end
  if renew == '1' then redis.call('PEXPIRE', log, ttl) else redis.call('PEXPIRE', log, ttl, 'NX') end
  return id, prev
end
local function announce(value, command, channel, log, ...)
  if command == '' then return 0, '', '' end
  local id = ''
  local message = value
  if log then
    local prev
    id, prev = append(log, value, ...)
    message = '~' .. id .. '~' .. prev .. '~' .. value
  end
  local receivers = redis.pcall(command, channel, message)
  if type(receivers) == 'table' then return -1, receivers.err, id end
  return receivers, '', id
end
local function announced(...)
  local ok, receivers, refusal = pcall(announce, ...)
  if ok then return refusal end
  return type(receivers) == 'table' and receivers.err or tostring(receivers)
end
`
