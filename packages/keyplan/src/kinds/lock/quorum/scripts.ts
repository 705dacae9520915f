import { yetGranted } from '../../../mechanisms/lease/claim.ts'
import { fencing } from '../../../mechanisms/lease/fence.ts'
import { readSigned } from '../../../mechanisms/lease/requests.ts'
import { script } from '../../../redis/script.ts'

/**
 * At the key lies the owner, on each server for itself; beside it the last fence that a majority was told of. `+` and the least
 * fence that this server would take: granted. `-` and the milliseconds left: busy.
 */
export const voteScript = script({
  name: 'lock.quorum.vote',
  keys: ['lock', 'fence'],
  args: ['owner', 'ttl', 'notAfter'],
  reply: readSigned,
  lua: `
${fencing}
local function vote()
  if now > tonumber(notAfter) then return '~' end
  local holder = redis.call('GET', lock)
  if holder and holder ~= owner then return '-' .. string.format('%.0f', redis.call('PTTL', lock)) end
  redis.call('SET', lock, owner, 'PX', ttl)
  return '+' .. next_fence(redis.call('GET', fence))
end
return { string.format('%.0f', now), vote() }
`,
})

/** Only for who has the vote of this server, so that a fence of a former holder cannot come late. */
export const commitScript = script({
  name: 'lock.quorum.commit',
  keys: ['lock', 'fence'],
  args: ['owner', 'number', 'fenceTtl'],
  reply: reply => reply === 1,
  lua: `
if redis.call('GET', lock) ~= owner then return 0 end
if tonumber(redis.call('GET', fence) or 0) > tonumber(number) then return 0 end
redis.call('SET', fence, number, 'PX', fenceTtl)
return 1
`,
})

export const prolongScript = script({
  name: 'lock.quorum.extend',
  keys: ['lock', 'fence'],
  args: ['owner', 'ttl', 'fenceTtl'],
  reply: reply => reply === 1,
  lua: `
if redis.call('GET', lock) ~= owner then return 0 end
redis.call('PEXPIRE', lock, ttl)
redis.call('PEXPIRE', fence, fenceTtl)
return 1
`,
})

export const giveBackScript = script({
  name: 'lock.quorum.release',
  keys: ['lock'],
  args: ['owner', 'wake'],
  reply: reply => reply === 1,
  lua: `
if redis.call('GET', lock) ~= owner then return 0 end
redis.call('DEL', lock)
redis.pcall('PUBLISH', wake, '')
return 1
`,
})

/**
 * Without a notice: those who wait would each take the votes that are free, withdraw them, and so wake each other for as
 * long as another has the majority.
 */
export const retractScript = script({
  name: 'lock.quorum.withdraw',
  keys: ['lock'],
  args: ['owner', 'notAfter'],
  reply: Number,
  lua: `
if redis.call('GET', lock) == owner then redis.call('DEL', lock) end
${fencing}
return ${yetGranted}
`,
})

export interface VoteSeen {
  /** Undefined when nobody has its vote. */
  readonly owner: string | undefined
  readonly remainingMs: number
}

export const lookScript = script({
  name: 'lock.quorum.inspect',
  keys: ['lock'],
  args: [],
  reply: (reply): VoteSeen => {
    const [owner, remaining] = reply as [string, number]
    return { owner: owner === '' ? undefined : owner, remainingMs: remaining }
  },
  lua: `return { redis.call('GET', lock) or '', redis.call('PTTL', lock) }`,
})

export const quorumScripts = [voteScript, commitScript, prolongScript, giveBackScript, retractScript, lookScript]
