import type { Reply } from '../../../redis/redis.ts'
import type { Found } from '../store.ts'

/** Lua: the records of `ids`, behind what was swept. */
export const answerRecords = `
return { expired, refusal, #ids > 0 and redis.call('HMGET', members, unpack(ids)) or {} }
`

export function readRecords([records]: readonly Reply[]): Found[] {
  // One that is not there was deleted by hand.
  return (records as Reply[]).flatMap(record => (record === null ? [] : readRecord(String(record))))
}

function readRecord(text: string): Found {
  const first = text.indexOf('\n')
  const second = text.indexOf('\n', first + 1)
  const [load = '', joined] = text.slice(0, first).split(' ')
  return { joinedAt: Number(joined), load, head: text.slice(first + 1, second), metadata: text.slice(second + 1) }
}
