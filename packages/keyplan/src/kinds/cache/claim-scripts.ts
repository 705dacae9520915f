import { script } from '../../redis/script.ts'

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

export const claimScripts = [claimScript, releaseScript]
