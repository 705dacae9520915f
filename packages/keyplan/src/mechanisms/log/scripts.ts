import type { Reply } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import { logFunctions } from './announcement.ts'
import type { Appended } from './log.ts'

function readAppended(reply: Reply): Appended {
  const [id, receivers, refusal] = reply as [string, number, string]
  return { id: String(id), receivers: Math.max(0, receivers), unannounced: String(refusal) || undefined }
}

/** `news` are the arguments of `announce` behind the value. */
export const appendScript = script({
  name: 'log.append',
  keys: ['log'],
  args: ['value', 'count', 'age', 'bytes', 'ttl', 'renew', '...news'],
  reply: readAppended,
  lua: `
${logFunctions}
local id = append(log, value, count, age, bytes, ttl, renew)
local receivers, refusal = announce(value, unpack(news))
return { id, receivers, refusal }
`,
})

/** Publishes on a reliable channel: its log and the message. */
export const announceScript = script({
  name: 'log.announce',
  keys: ['log'],
  args: ['value', 'command', 'channel', '...terms'],
  reply: readAppended,
  lua: `
${logFunctions}
local receivers, refusal, id = announce(value, command, channel, log, unpack(terms))
return { id, receivers, refusal }
`,
})

export const logScripts = [appendScript, announceScript]
