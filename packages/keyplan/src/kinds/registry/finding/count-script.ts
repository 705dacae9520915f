import { registryScript } from '../script-set.ts'
import { walking } from './walk-lua.ts'

export const countScript = registryScript({
  name: 'count',
  args: ['...terms'],
  read: ([number]) => ({ number: Number(number) }),
  lua: `
local expired = sweep(most)
${walking}
local first, others = rarest()
local number
if #others > 0 then
  local low = '[' .. first .. '\\0'
  number = #walk(index, low, '(' .. first .. '\\1', #first + 1, others, math.huge)
elseif first == '*' then
  number = redis.call('ZCOUNT', leases, '(' .. text(alive), '+inf')
else
  number = size(first)
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', text(alive))) do
    if redis.call('ZSCORE', index, first .. '\\0' .. id) then number = number - 1 end
  end
end
return { expired, refusal, number }
`,
})
