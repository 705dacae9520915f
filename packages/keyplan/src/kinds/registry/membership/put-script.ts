import { absences, registryScript } from '../script-set.ts'
import type { PutResult } from '../store.ts'

/** An item has a mode, an id, a token, a load, terms, and the rest of the record. */
export const putScript = registryScript({
  name: 'put',
  args: ['...items'],
  read: (results): { readonly results: readonly PutResult[] } => ({
    results: results.map(result => absences[-Number(result)] ?? { joinedAt: Number(result) }),
  }),
  lua: `
local expired = sweep(most)
heard()
local results = {}
for item = 1, #items, 6 do
  local mode, id, token, load, terms, body = unpack(items, item, item + 5)
  local owner, record = redis.call('HGET', owners, id), redis.call('HGET', members, id)
  local own = owner == token and record
  local ends = redis.call('ZSCORE', leases, id)
  local taken = not own and owner and record and ends and tonumber(ends) > alive
  if mode == 'update' and not own then
    results[#results + 1] = owner and record and '-2' or '-1'
  elseif mode == 'rejoin' and taken then
    results[#results + 1] = '-2'
  else
    local joined = own and string.match(own, '^%x* (%d*)') or text(now)
    local written = load .. ' ' .. joined .. ' ' .. terms .. '\\n' .. body
    if record then strike(id, record) end
    redis.call('ZADD', leases, text(now + lease), id)
    redis.call('HSET', owners, id, token)
    redis.call('HSET', members, id, written)
    link(id, written)
    -- That only its load has changed is no event.
    local function known(of) return string.match(of, '^%x* (.*)$') end
    if not own then
      tell('joined', written, taken and ',"replaced":true' or '')
    elseif known(own) ~= known(written) then
      tell('updated', written)
    end
    results[#results + 1] = joined
  end
end
last()
return { expired, refusal, unpack(results) }
`,
})
