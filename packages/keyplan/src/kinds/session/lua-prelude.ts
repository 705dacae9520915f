import { luaHead } from './record.ts'

/** Values are never parsed in Lua: its JSON would turn empty arrays into objects. Only the head is read and written. */
export const prelude = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function figure(number) return string.format('%.0f', number) end
local function head(raw) return string.match(raw, '${luaHead}') end
local function text(v, seen, bound, rest)
  return '{"v":' .. figure(v) .. ',"seen":' .. figure(seen) .. ',"until":' .. figure(bound) .. ',' .. rest
end
local function put(key, v, bound, ttl, rest)
  local ends = math.min(now + ttl, bound)
  return redis.pcall('SET', key, text(v, now, bound, rest), 'PXAT', figure(ends))
end
`
