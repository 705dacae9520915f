import { admits } from '../../mechanisms/fencing.ts'
import { script } from '../../redis/script.ts'
import { nextVersion, track } from './counters.ts'

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
  args: ['before', 'after', 'ttl', 'tagTtl', 'tagLeft'],
  reply: () => undefined,
  lua: `${track}
local lifetimes = {}
for index = 1, #tags do lifetimes[index] = tagTtl end
local versions = track(tags, lifetimes, tagLeft)
redis.call('SET', key, before .. table.concat(versions, ',') .. after, 'PX', ttl)
return 1
`,
})

/** A write that a larger fence refuses. Its tags' versions are put in here, or, on a cluster, stand in `before` already. */
export const writeFencedScript = script({
  name: 'cache.write-fenced',
  keys: ['key', 'mark', '...tags'],
  args: ['fence', 'fenceTtl', 'before', 'after', 'ttl', 'tagTtl', 'tagLeft'],
  reply: reply => reply === 1,
  lua: `${admits}${track}
if not admits(mark, fence, fenceTtl) then return 0 end
local versions = {}
if #tags > 0 then
  local lifetimes = {}
  for index = 1, #tags do lifetimes[index] = tagTtl end
  versions = track(tags, lifetimes, tagLeft)
end
redis.call('SET', key, before .. table.concat(versions, ',') .. after, 'PX', ttl)
return 1
`,
})

export const changeScripts = [removeScript, forgetScript, writeTaggedScript, writeFencedScript]
