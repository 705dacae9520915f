import { script } from '../../redis/script.ts'
import { prolong, track, untouched } from './counters.ts'

export const trackScript = script({
  name: 'cache.track',
  keys: ['count', '...tags'],
  args: ['countTtl', 'tagTtl', 'tagLeft'],
  reply: reply => reply as string[],
  lua: `${track}
local lifetimes = { countTtl }
for index = 2, #KEYS do lifetimes[index] = tagTtl end
return track(KEYS, lifetimes, tagLeft)
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
  args: ['value', 'ttl', 'seen', 'replaces', 'tagTtl', 'tagLeft', '...versions'],
  reply: reply => kept[reply as 0 | 1 | 2],
  lua: `${untouched}${prolong}
if not untouched(seen) then return 0 end
if #tags > 0 then
  for index, version in ipairs(redis.call('MGET', unpack(tags))) do
    if version ~= versions[index] then return 0 end
  end
  for _, tag in ipairs(tags) do prolong(tag, tagTtl, tagLeft) end
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

export const loadScripts = [trackScript, untouchedScript, markScript, keepScript, keepLeasedScript]
