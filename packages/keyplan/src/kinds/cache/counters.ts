/**
 * The next version of a counter that must never go back: eviction, FLUSHALL or a failover cannot rewind it, since it
 * then starts again from the server's clock. Numbers stay below 2^53 until the year 2255.
 */
export const nextVersion = `
local time = redis.call('TIME')
local micros = time[1] * 1000000 + time[2]
local function next_version(previous)
  return string.format('%.0f', math.max((tonumber(previous) or 0) + 1, micros))
end
`

/** A counter that is in use does not end: what compares with it would. */
export const prolong = `
local function prolong(name, lifetime, least)
  local left = redis.call('PTTL', name)
  if left >= 0 and left < tonumber(least) then redis.call('PEXPIRE', name, lifetime) end
end
`

/** The versions of counters; one that is missing begins now, one that has less than `least` left is prolonged. */
export const track = `${nextVersion}${prolong}
local function track(names, lifetimes, least)
  local versions = redis.call('MGET', unpack(names))
  for index, name in ipairs(names) do
    if not versions[index] then
      versions[index] = next_version()
      redis.call('SET', name, versions[index], 'PX', lifetimes[index])
    else
      prolong(name, lifetimes[index], least)
    end
  end
  return versions
end
`

/**
 * `traces` is a sorted set of the keys that were deleted lately, each with the count of then; its member '' stands for
 * all that is forgotten, with the count of the last of those. So what is not in the set is known to be untouched since
 * that count, and if the set or the count is lost, nothing is known: a lost trace never passes for none.
 */
export const untouched = `
local function untouched(since)
  local current = redis.call('GET', count)
  if current == since then return true end
  if not current or tonumber(current) < tonumber(since) then return false end
  local forgotten = redis.call('ZSCORE', traces, '')
  if not forgotten or tonumber(forgotten) > tonumber(since) then return false end
  local trace = redis.call('ZSCORE', traces, key)
  return not trace or tonumber(trace) <= tonumber(since)
end
`
