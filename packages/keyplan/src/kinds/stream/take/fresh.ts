/**
 * Gives out what nobody was given yet. Nearly all entries are a value and nothing else: their ids, sizes and values are
 * three texts, which cost server and client a fraction of what so many single replies would.
 */
export const takeFresh = `
local freshIds, freshSizes, freshValues = {}, {}, {}
-- To write a number costs more than all else that is done with an entry, and most are of a few sizes.
local sizeTexts = {}
local more = less(reached, generated)
local wanted = tonumber(fresh)
if ordered == '1' and left then wanted = 0 end
if wanted > 0 then
  local read = redis.call('XREADGROUP', 'GROUP', group, consumer, 'COUNT', wanted, 'STREAMS', stream, '>')
  if read then
    local entries = read[1][2]
    local claims, c, n, score = {}, 0, 0, int(lapses)
    for i = 1, #entries do
      local id, fields = entries[i][1], entries[i][2]
      local others = false
      if fields[3] == nil and fields[1] == 'value' then
        n = n + 1
        local value = fields[2]
        local size = sizeTexts[#value]
        if not size then
          size = int(#value)
          sizeTexts[#value] = size
        end
        freshIds[n], freshSizes[n], freshValues[n] = id, size, value
      else
        local value, origin, has = '', '', false
        for f = 1, #fields, 2 do
          if fields[f] == 'value' then value, has = fields[f + 1], true end
          if fields[f] == 'from' then origin = fields[f + 1] end
          if fields[f] == 'for' and fields[f + 1] ~= group then others = true end
        end
        if others then
          redis.call('XACK', stream, group, id)
        else
          local a = #again
          again[a + 1], again[a + 2], again[a + 3] = id, value, '1'
          again[a + 4], again[a + 5], again[a + 6] = has and '' or 'x', origin, ''
        end
      end
      if not others then
        claims[c + 1], claims[c + 2] = score, id
        c = c + 2
      end
    end
    if c > 0 then redis.call('ZADD', open, unpack(claims)) end
    reached = entries[#entries][1]
    more = #entries == wanted and less(reached, generated)
    if position then position = position + #entries end
  else
    more = false
    -- Reading nothing makes no consumer: one that waits is to be seen as well.
    redis.call('XGROUP', 'CREATECONSUMER', stream, group, consumer)
  end
end
`
