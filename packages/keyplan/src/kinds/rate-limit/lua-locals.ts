/**
 * What the Lua of algorithms and blocks may use. `now` is milliseconds since the epoch. What `call` gives for a command that the
 * server refuses is a table with `err`.
 *
 * `keep` writes a text of three figures whose last is when the key ends. A key that ends late enough keeps its time to live,
 * since to give it a new one costs as much as the write; otherwise it lives for `slack` longer than it must.
 */
export const luaLocals = `
local time = redis.call('TIME')
local call, match, format, packed, unpacked = redis.pcall, string.match, string.format, struct.pack, struct.unpack
local floor, ceil, max, min, abs = math.floor, math.ceil, math.max, math.min, math.abs
local now = time[1] * 1000 + floor(time[2] / 1000)
local function fault(reply) return type(reply) == 'table' and reply.err or nil end
local function keep(key, one, other, ends, till, slack)
  if till and ends <= till then return call('SET', key, packed('<ddd', one, other, till), 'KEEPTTL').err end
  till = ends + slack
  return call('SET', key, packed('<ddd', one, other, till), 'PX', till - now).err
end
`
