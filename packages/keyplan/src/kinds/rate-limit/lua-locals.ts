/**
 * What the Lua of algorithms and blocks may use. `now` is milliseconds since the epoch. What `call` gives for a command that the
 * server refuses is a table with `err`, which `fault` finds where the reply may be no table.
 */
export const luaLocals = `
local time = redis.call('TIME')
local call, match, format, packed, unpacked = redis.pcall, string.match, string.format, struct.pack, struct.unpack
local floor, ceil, max, min, abs = math.floor, math.ceil, math.max, math.min, math.abs
local now = time[1] * 1000 + floor(time[2] / 1000)
local function fault(reply) return type(reply) == 'table' and reply.err or nil end
`

/**
 * Statements that write a text of three figures, the last of which is when the key ends. A key that ends late enough (`till`)
 * keeps its time to live, since a new one costs as much as the write; any other lives for `slack` longer than it must. What
 * gives back shortens its life.
 */
export const keepUntil = (one: string, other: string, ends: string) => `
local ends = ${ends}
if till and ends <= till and cost > 0 then
  failure = call('SET', key, packed('<ddd', ${one}, ${other}, till), 'KEEPTTL').err
else
  till = ends + slack
  failure = call('SET', key, packed('<ddd', ${one}, ${other}, till), 'PX', till - now).err
end`
