import type { Reply } from '../../../redis/redis.ts'
import { absences, registryScript } from '../script-set.ts'
import type { Beaten } from '../store.ts'

/** An item has an id and a token. What it frees comes first, so that members stay where there is no memory for new ones. */
export const beatScript = registryScript({
  name: 'beat',
  args: ['...items'],
  read: ([next, ...absent]): Omit<Beaten, 'expired' | 'unannounced'> => ({
    nextMs: Number(next) < 0 ? undefined : Number(next),
    absent: pairsOf(absent).map(([place, why]) => ({ place: Number(place), why: absences[Number(why)] ?? 'gone' })),
  }),
  frees: true,
  lua: `
heard()
local whole = redis.call('EXISTS', members, index, loads) == 3
local ends = text(now + lease)
local absent = {}
for first = 1, #items, 2000 do
  local ids, tokens = {}, {}
  for at = first, math.min(first + 1998, #items - 1), 2 do
    ids[#ids + 1] = items[at]
    tokens[#tokens + 1] = items[at + 1]
  end
  local found = redis.call('HMGET', owners, unpack(ids))
  local renewed = {}
  for place, id in ipairs(ids) do
    if whole and found[place] == tokens[place] then
      renewed[#renewed + 1] = ends
      renewed[#renewed + 1] = id
    else
      absent[#absent + 1] = (first - 1) / 2 + place - 1
      absent[#absent + 1] = found[place] and found[place] ~= tokens[place] and 2 or 1
    end
  end
  if #renewed > 0 then redis.call('ZADD', leases, unpack(renewed)) end
end
local expired = sweep(most)
last()
local soonest = redis.call('ZRANGE', leases, 0, 0, 'WITHSCORES')[2]
local wait = -1
if soonest then wait = math.max(0, math.max(tonumber(soonest), now < hold and hold or 0) - now) end
return { expired, refusal, wait, unpack(absent) }
`,
})

function pairsOf(list: readonly Reply[]): [Reply, Reply][] {
  return list.flatMap((item, at) => (at % 2 === 0 ? [[item, list[at + 1]!] as [Reply, Reply]] : []))
}
