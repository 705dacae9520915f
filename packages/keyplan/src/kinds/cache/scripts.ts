import { admits } from '../../mechanisms/fencing.ts'
import { script } from '../../redis/script.ts'
import { nextVersion, track, untouched } from './counters.ts'

export const trackScript = script({
  name: 'cache.track',
  keys: ['count', '...tags'],
  args: ['countTtl', 'tagTtl'],
  reply: reply => reply as string[],
  lua: `${track}
local lifetimes = { countTtl }
for index = 2, #KEYS do lifetimes[index] = tagTtl end
return track(KEYS, lifetimes)
`,
})

export const untouchedScript = script({
  name: 'cache.untouched',
  keys: ['key', 'count', 'traces'],
  args: ['since'],
  reply: reply => reply === 1,
  lua: `${untouched}
return untouched(since) and 1 or 0
`,
})

/** The mark of a value, see `markOf`. */
export const markScript = script({
  name: 'cache.mark',
  keys: ['key'],
  args: [],
  reply: reply => reply as string | null,
  lua: `
if redis.call('TYPE', key).ok ~= 'string' then return false end
return redis.sha1hex(redis.call('GET', key))
`,
})

/** The versions of tags alone, on a cluster. */
export const trackTagsScript = script({
  name: 'cache.track-tags',
  keys: ['...tags'],
  args: ['tagTtl'],
  reply: reply => reply as string[],
  lua: `${track}
local lifetimes = {}
for index = 1, #tags do lifetimes[index] = tagTtl end
return track(tags, lifetimes)
`,
})

/** The version of the tag that was outdated last; it begins now where nobody counts. */
export const epochScript = script({
  name: 'cache.epoch',
  keys: ['epoch'],
  args: ['tagTtl'],
  reply: reply => reply as string,
  lua: `${track}
return track({ epoch }, { tagTtl })[1]
`,
})

/**
 * Outdates tags of a namespace whose loaders name some: each gets the version of the epoch, which moves with them, so that
 * a tag was outdated after an epoch was read just when its version is above it. On a cluster the epoch moves first.
 */
export const moveEpochScript = script({
  name: 'cache.move-epoch',
  keys: ['epoch'],
  args: ['tagTtl', 'least'],
  reply: reply => reply as string,
  lua: `${nextVersion}
local version = next_version(redis.call('GET', epoch))
if tonumber(version) < tonumber(least) then version = least end
redis.call('UNLINK', epoch)
redis.call('SET', epoch, version, 'PX', tagTtl)
return version
`,
})

/** One that is missing gets the version of the present epoch: nobody has outdated it since, or nobody can tell any more. */
export const adoptScript = script({
  name: 'cache.adopt',
  keys: ['...tags'],
  args: ['present', 'tagTtl'],
  reply: reply => reply as string[],
  lua: `
local versions = redis.call('MGET', unpack(tags))
for index, tag in ipairs(tags) do
  if not versions[index] then
    versions[index] = present
    redis.call('SET', tag, present, 'PX', tagTtl)
  end
end
return versions
`,
})

const kept = ['refused', 'stored', 'displaced'] as const

/** Stores a loaded value unless another stands there than the one it may replace. */
const put = `
local standing = redis.call('TYPE', key).ok
if standing == 'string' and redis.sha1hex(redis.call('GET', key)) ~= replaces then return 0 end
redis.call('SET', key, value, 'PX', ttl)
return (standing == 'string' or standing == 'none') and 1 or 2
`

export const keepScript = script({
  name: 'cache.keep',
  keys: ['key', 'count', 'traces', '...tags'],
  args: ['value', 'ttl', 'seen', 'replaces', '...versions'],
  reply: reply => kept[reply as 0 | 1 | 2],
  lua: `${untouched}
if not untouched(seen) then return 0 end
if #tags > 0 then
  for index, version in ipairs(redis.call('MGET', unpack(tags))) do
    if version ~= versions[index] then return 0 end
  end
end
${put}`,
})

/** On a cluster: the lease stands for everything that is compared on one server. */
export const keepLeasedScript = script({
  name: 'cache.keep-leased',
  keys: ['key', 'lease'],
  args: ['value', 'ttl', 'seen', 'replaces'],
  reply: reply => kept[reply as 0 | 1 | 2],
  lua: `
if redis.call('GET', lease) ~= seen then return 0 end
${put}`,
})

/** Taking it twice is taking it once: the reply of the first try may have been lost. */
export const claimScript = script({
  name: 'cache.claim',
  keys: ['claim'],
  args: ['token', 'ms'],
  reply: reply => reply === 1,
  lua: `
local holder = redis.call('SET', claim, token, 'NX', 'GET', 'PX', ms)
return (not holder or holder == token) and 1 or 0
`,
})

/** A user who may not publish has released it all the same: who waits looks again by itself. */
export const releaseScript = script({
  name: 'cache.release',
  keys: ['claim'],
  args: ['token', 'loaded'],
  reply: () => undefined,
  lua: `
if redis.call('GET', claim) ~= token then return 0 end
redis.call('DEL', claim)
redis.pcall('PUBLISH', loaded, '')
return 1
`,
})

/** Begins with the freeing write, so that it passes at maxmemory. */
export const removeScript = script({
  name: 'cache.remove',
  keys: ['count', 'traces', '...doomed'],
  args: ['window', 'most', 'countTtl'],
  reply: () => undefined,
  lua: `
redis.call('UNLINK', unpack(doomed))
${nextVersion}
local previous = redis.call('GET', count)
local version = next_version(previous)
redis.call('SET', count, version, 'PX', countTtl)
redis.call('ZADD', traces, 'NX', previous or version, '')
for _, key in ipairs(doomed) do redis.call('ZADD', traces, version, key) end
local old = redis.call('ZCOUNT', traces, '-inf', micros - window * 1000)
old = math.max(old, redis.call('ZCARD', traces) - most)
if old > 0 then
  local last = redis.call('ZRANGE', traces, old - 1, old - 1, 'WITHSCORES')
  redis.call('ZREMRANGEBYRANK', traces, 0, old - 1)
  redis.call('ZADD', traces, last[2], '')
end
redis.call('PEXPIRE', traces, window)
return 1
`,
})

/** Removes keys. All that was traced is forgotten at the new count: no load that began before is untouched. */
export const forgetScript = script({
  name: 'cache.forget',
  keys: ['count', 'traces', '...doomed'],
  args: ['window', 'countTtl'],
  reply: () => undefined,
  lua: `
redis.call('UNLINK', traces, unpack(doomed))
${nextVersion}
local version = next_version(redis.call('GET', count))
redis.call('SET', count, version, 'PX', countTtl)
redis.call('ZADD', traces, version, '')
redis.call('PEXPIRE', traces, window)
return 1
`,
})

/** A value that carries tags: only the server knows the versions that belong into its header. */
export const writeTaggedScript = script({
  name: 'cache.write-tagged',
  keys: ['key', '...tags'],
  args: ['before', 'after', 'ttl', 'tagTtl'],
  reply: () => undefined,
  lua: `${track}
local lifetimes = {}
for index = 1, #tags do lifetimes[index] = tagTtl end
local versions = track(tags, lifetimes)
redis.call('SET', key, before .. table.concat(versions, ',') .. after, 'PX', ttl)
return 1
`,
})

/** A write that a larger fence refuses. Its tags' versions are put in here, or, on a cluster, stand in `before` already. */
export const writeFencedScript = script({
  name: 'cache.write-fenced',
  keys: ['key', 'mark', '...tags'],
  args: ['fence', 'fenceTtl', 'before', 'after', 'ttl', 'tagTtl'],
  reply: reply => reply === 1,
  lua: `${admits}${track}
if not admits(mark, fence, fenceTtl) then return 0 end
local versions = {}
if #tags > 0 then
  local lifetimes = {}
  for index = 1, #tags do lifetimes[index] = tagTtl end
  versions = track(tags, lifetimes)
end
redis.call('SET', key, before .. table.concat(versions, ',') .. after, 'PX', ttl)
return 1
`,
})

/** Frees each tag before it writes it, so that an invalidation passes at maxmemory. */
export const outdateScript = script({
  name: 'cache.outdate',
  keys: ['...tags'],
  args: ['tagTtl', 'least'],
  reply: () => undefined,
  lua: `${nextVersion}
for _, tag in ipairs(tags) do
  local previous = redis.call('GET', tag)
  -- Not above the epoch without need: every load that names the tag would take it for outdated since.
  local version = least
  if tonumber(least) <= (tonumber(previous) or 0) then version = next_version(previous) end
  redis.call('UNLINK', tag)
  redis.call('SET', tag, version, 'PX', tagTtl)
end
return 1
`,
})

export const cacheScripts = [
  trackScript,
  trackTagsScript,
  epochScript,
  moveEpochScript,
  adoptScript,
  untouchedScript,
  markScript,
  keepScript,
  keepLeasedScript,
  claimScript,
  releaseScript,
  removeScript,
  forgetScript,
  writeTaggedScript,
  writeFencedScript,
  outdateScript,
]
