import type { Reply } from '../../../redis/redis.ts'
import { script } from '../../../redis/script.ts'
import { attempts, ids, info, letter, now } from '../lua.ts'
import { takeDue } from './due.ts'
import { takeFresh } from './fresh.ts'
import { findGroup, findPosition, notePosition, takeTheFloor } from './group.ts'

/**
 * Replies with a line of figures; the ids, sizes and values of entries that are new and hold a value alone; the lost as
 * pairs of id and reason; and what is given out again or is unusual as id, value, number, how, origin and cause.
 */
export const takeScript = script({
  name: 'stream.take',
  keys: ['stream', 'open', 'tries', 'state', 'dead'],
  args: ['group', 'consumer', 'start', 'known', 'fresh', 'due', 'suspects', 'lease', 'most', 'ordered', 'keep'],
  reply: reply => reply as Reply[],
  lua: `
${now}
${ids}
${info}
${attempts}
${letter}
${findGroup}
${takeTheFloor}
${findPosition}
${takeDue}
${takeFresh}
${notePosition}
local dueIn = '-'
if left then dueIn = '0'
elseif #candidates > 0 then
  local next = redis.call('ZRANGEBYSCORE', open, '(' .. int(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  if next[2] then dueIn = int(tonumber(next[2]) - now) end
elseif nextDue then dueIn = int(nextDue - now)
elseif #freshIds + #again > 0 then dueIn = lease
end
local figures = { 'taken', reached, more and '1' or '0', dueIn, int(missed), recreated, int(#lost / 2) }
local reply = {
  table.concat(figures, ' '), table.concat(freshIds, ' '), table.concat(freshSizes, ' '), table.concat(freshValues)
}
for _, list in ipairs({ lost, again }) do
  local n = #reply
  for i = 1, #list do reply[n + i] = list[i] end
end
return reply
`,
})
