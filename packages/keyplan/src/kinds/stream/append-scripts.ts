import { script } from '../../redis/script.ts'
import { now, trim } from './lua.ts'

export const appendScript = script({
  name: 'stream.append',
  keys: ['stream', '...accounts'],
  args: ['most', 'ageMs', 'untilRead', 'declared', '...values'],
  reply: reply => (reply as string).split('\n'),
  lua: `
${now}
${trim}
local added = {}
for i, value in ipairs(values) do
  local id = redis.pcall('XADD', stream, '*', 'value', value)
  added[i] = type(id) == 'table' and '!' .. id.err or id
end
trim(stream, most, ageMs ~= '' and int(now - tonumber(ageMs)) or '', untilRead, declared, accounts)
return table.concat(added, '\\n')
`,
})

/** The reply is the id, after `=` when it is that of an entry that was there. */
export const appendOnceScript = script({
  name: 'stream.appendOnce',
  keys: ['stream', 'appended', '...accounts'],
  args: ['most', 'ageMs', 'untilRead', 'declared', 'window', 'value'],
  reply: reply => reply as string,
  lua: `
${now}
${trim}
local known = redis.call('GET', appended)
if known then return '=' .. known end
local id = redis.call('XADD', stream, '*', 'value', value)
redis.call('SET', appended, id, 'PX', window)
trim(stream, most, ageMs ~= '' and int(now - tonumber(ageMs)) or '', untilRead, declared, accounts)
return id
`,
})
