import { fencing } from '../../mechanisms/lease/fence.ts'
import { seating } from './line-lua.ts'

/** Whether what lies at the key of a lock says that the owner has it: `<owner>#<fence>@<since>`, in microseconds. */
export const isOwner = (holder: string, owner = 'owner') => `string.find(${holder}, ${owner} .. '#', 1, true) == 1`

/** What lies at the key of a lock that is granted with this fence. */
export const heldBy = (owner: string, number: string) => `${owner} .. '#' .. ${number} .. '@' .. instant`

/** Lua: an error as a line of the reply. */
const failure = (said: string) => `'!' .. (type(${said}) == 'table' and ${said}.err or tostring(${said}))`

/**
 * Lua of a script that decides on `n` claims, each for itself.
 *
 * @param what defines its line of the reply: \`name(i)\`, which may fail
 */
export const eachClaim = (name: string) => `
for i = 1, n do
  local fine, said = pcall(${name}, i)
  reply[#reply + 1] = fine and said or ${failure('said')}
end
`

/** Lua of a script that takes locks. \`lua\` defines \`take(i)\`; what is too late does not come to it. */
export const asking = (lua: string, after = '') => `
${fencing}
local n = #claims
local reply = { instant }
if now > tonumber(notAfter) then
  for i = 1, n do reply[i + 1] = '~' end
  return table.concat(reply, '\\n')
end
${lua}
${eachClaim('take')}
${after}
return table.concat(reply, '\\n')
`

/** Lua: who finds a lock busy, or who has it with others behind, takes a seat in line. */
export const waiting = `
${seating}
local seat = {}
for ms in string.gmatch(seats, '%S+') do seat[#seat + 1] = ms end
local function waits(i) return seat[i] ~= nil and seat[i] ~= '0' end
local function wait(i, line) pcall(sit, line, channel, string.match(seat[i], '^%d+')) end
local function wait_again(i, line)
  if waits(i) and string.sub(seat[i], -1) == '+' then wait(i, line) end
end
local function busy(i, line, left)
  if waits(i) then wait(i, line) end
  return '-' .. left
end
`
