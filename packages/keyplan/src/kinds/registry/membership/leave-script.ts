import { registryScript } from '../script-set.ts'

/** An item has an id and a token. */
export const leaveScript = registryScript({
  name: 'leave',
  args: ['...items'],
  read: ([left]) => ({ left: Number(left) }),
  frees: true,
  lua: `
local left = 0
for item = 1, #items, 2 do
  local id, token = items[item], items[item + 1]
  if redis.call('HGET', owners, id) == token then
    redis.call('ZREM', leases, id)
    left = left + depart(id, 'left')
  end
end
heard()
local expired = sweep(most)
last()
return { expired, refusal, left }
`,
})
