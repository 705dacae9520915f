import { script } from '../../redis/script.ts'
import { nextVersion, prolong, track } from './counters.ts'

/** The versions of tags alone, on a cluster. */
export const trackTagsScript = script({
  name: 'cache.track-tags',
  keys: ['...tags'],
  args: ['tagTtl', 'tagLeft'],
  reply: reply => reply as string[],
  lua: `${track}
local lifetimes = {}
for index = 1, #tags do lifetimes[index] = tagTtl end
return track(tags, lifetimes, tagLeft)
`,
})

/** The version of the tag that was outdated last; it begins now where nobody counts. */
export const epochScript = script({
  name: 'cache.epoch',
  keys: ['epoch'],
  args: ['tagTtl', 'tagLeft'],
  reply: reply => reply as string,
  lua: `${track}
return track({ epoch }, { tagTtl }, tagLeft)[1]
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
  args: ['present', 'tagTtl', 'tagLeft'],
  reply: reply => reply as string[],
  lua: `${prolong}
local versions = redis.call('MGET', unpack(tags))
for index, tag in ipairs(tags) do
  if not versions[index] then
    versions[index] = present
    redis.call('SET', tag, present, 'PX', tagTtl)
  else
    prolong(tag, tagTtl, tagLeft)
  end
end
return versions
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

export const tagScripts = [trackTagsScript, epochScript, moveEpochScript, adoptScript, outdateScript]
