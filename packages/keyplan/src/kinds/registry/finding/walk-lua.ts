/** What reads share: `walk` gives members that have all terms and are alive. */
export const walking = `
local sub = string.sub
local function size(term)
  return redis.call('ZLEXCOUNT', index, '[' .. term .. '\\0', '(' .. term .. '\\1')
end
-- The rarest of the terms is walked, and each member on the way is asked for the others, the rarer ones first. What all have
-- is not asked for.
local function rarest()
  if #terms == 1 then return terms[1], {} end
  local sizes, others = {}, {}
  for place = 1, #terms do
    others[place] = terms[place]
    sizes[terms[place]] = size(terms[place])
  end
  table.sort(others, function(one, other) return sizes[one] < sizes[other] end)
  local first, all = table.remove(others, 1), redis.call('HLEN', members)
  while #others > 0 and sizes[others[#others]] == all do others[#others] = nil end
  return first, others
end
-- Most often nobody is left whose lease has ended, and nobody need be asked for it.
local dead = redis.call('ZCOUNT', leases, '-inf', text(alive)) > 0
-- Of these ids those that count, in order.
local function kept(ids, others)
  local some = ids
  if dead and #ids > 0 then
    local ends = redis.call('ZMSCORE', leases, unpack(ids))
    some = {}
    for place = 1, #ids do
      if ends[place] and tonumber(ends[place]) > alive then some[#some + 1] = ids[place] end
    end
  end
  for _, term in ipairs(others) do
    if #some == 0 then return some end
    local prefix, wanted, rest = term .. '\\0', {}, {}
    for place = 1, #some do wanted[place] = prefix .. some[place] end
    local has = redis.call('ZMSCORE', index, unpack(wanted))
    for place = 1, #some do if has[place] then rest[#rest + 1] = some[place] end end
    some = rest
  end
  return some
end
-- Up to \`most\` ids of a range of the index or the loads, whose entries begin with so many other bytes.
local function walk(key, low, high, skip, others, most)
  local found, sifted = {}, dead or #others > 0
  local page = sifted and math.max(16, math.min(most, 500)) or most
  while true do
    local part = redis.call('ZRANGEBYLEX', key, low, high, 'LIMIT', 0, page)
    local ids = {}
    for place = 1, #part do ids[place] = sub(part[place], skip + 1) end
    if not sifted then return ids end
    for _, id in ipairs(kept(ids, others)) do
      found[#found + 1] = id
      if #found == most then return found end
    end
    if #part < page then return found end
    low, page = '(' .. part[#part], math.min(500, 2 * page)
  end
end
local loadlength = 17
`
