import { registryScript } from '../script-set.ts'
import type { Left } from '../store.ts'

/** An item has an id and a token. */
export const leaveScript = registryScript({
  name: 'leave',
  args: ['...items'],
  read: ([left, ...replaced]): Left => ({ left: Number(left), replaced: replaced.map(Number) }),
  frees: true,
  lua: `
local left, replaced = 0, {}
for item = 1, #items, 2 do
  local id, token = items[item], items[item + 1]
  local owner = redis.call('HGET', owners, id)
  if owner == token then
    redis.call('ZREM', leases, id)
    left = left + depart(id, 'left')
  elseif owner then
    replaced[#replaced + 1] = (item - 1) / 2
  end
end
heard()
local expired = sweep(most)
last()
return { expired, refusal, left, unpack(replaced) }
`,
})
