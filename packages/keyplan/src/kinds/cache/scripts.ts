import { script } from '../../redis/script.ts'

/**
 * The next version of a counter that must never go back: eviction, FLUSHALL or a failover cannot rewind it, since it
 * then starts again from the server's clock. Numbers stay below 2^53 until the year 2255.
 */
const nextVersion = `
local time = redis.call('TIME')
local function next_version(previous)
  return string.format('%.0f', math.max((tonumber(previous) or 0) + 1, time[1] * 1000000 + time[2]))
end
`

/** The versions of tags; one that is not tracked is from now on. */
const trackTags = `${nextVersion}
local versions = redis.call('MGET', unpack(tags))
for index, tag in ipairs(tags) do
  if not versions[index] then
    versions[index] = next_version()
    redis.call('SET', tag, versions[index], 'PX', tagTtl)
  end
end
`

/**
 * The count of invalidations at the miss (`seen`) decides: if it has not moved, nothing was invalidated. If it has, the
 * key's own trace and the namespace's last clearing tell whether it concerns this load. A count that went back was lost,
 * and with it the knowledge: the load is not stored.
 */
export const keepScript = script({
  name: 'cache.keep',
  keys: ['key', 'trace', 'count', 'cleared'],
  args: ['value', 'ttl', 'seen', 'late', 'replaces'],
  reply: reply => reply === 1,
  lua: `
local count = redis.call('GET', count) or '0'
if count ~= seen then
  if late == '1' or tonumber(count) < tonumber(seen) then return 0 end
  for _, mark in ipairs(redis.call('MGET', trace, cleared)) do
    if mark and tonumber(mark) > tonumber(seen) then return 0 end
  end
end
if replaces ~= 'anything' and redis.call('TYPE', key).ok == 'string' then
  if replaces == 'nothing' or redis.sha1hex(redis.call('GET', key)) ~= replaces then return 0 end
end
redis.call('SET', key, value, 'PX', ttl)
return 1
`,
})

/** Begins with the freeing write, so that it passes at maxmemory. */
export const removeScript = script({
  name: 'cache.remove',
  keys: ['count', '...pairs'],
  args: ['traceTtl', 'countTtl'],
  reply: () => undefined,
  lua: `
for index = 1, #pairs, 2 do redis.call('UNLINK', pairs[index]) end
${nextVersion}
local version = next_version(redis.call('GET', count))
redis.call('SET', count, version, 'PX', countTtl)
for index = 2, #pairs, 2 do redis.call('SET', pairs[index], version, 'PX', traceTtl) end
return 1
`,
})

/** A value that carries tags: only the server knows the versions that belong into its header. */
export const writeTaggedScript = script({
  name: 'cache.write-tagged',
  keys: ['key', '...tags'],
  args: ['before', 'after', 'ttl', 'tagTtl'],
  reply: () => undefined,
  lua: `${trackTags}
redis.call('SET', key, before .. table.concat(versions, ',') .. after, 'PX', ttl)
return 1
`,
})

export const trackScript = script({
  name: 'cache.track',
  keys: ['...tags'],
  args: ['tagTtl'],
  reply: reply => reply as string[],
  lua: `${trackTags}
return versions
`,
})

/** Frees each counter before it writes it, so that an invalidation passes at maxmemory. */
export const bumpScript = script({
  name: 'cache.bump',
  keys: ['...counters'],
  args: ['lifetime'],
  reply: () => undefined,
  lua: `${nextVersion}
for _, counter in ipairs(counters) do
  local version = next_version(redis.call('GET', counter))
  redis.call('UNLINK', counter)
  redis.call('SET', counter, version, 'PX', lifetime)
end
return 1
`,
})

export const cacheScripts = [keepScript, removeScript, writeTaggedScript, trackScript, bumpScript]
