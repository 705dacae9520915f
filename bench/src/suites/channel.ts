import { equal } from 'node:assert'
import type { Suite } from '../subject.ts'
import { ioredis, ioredisAuto } from '../subjects/channel/ioredis.ts'
import { keyplan } from '../subjects/channel/keyplan.ts'

/** A message published, and received by every listener of the same process. */
export const channel: Suite = {
  cases: ['publish → receive', 'publish → receive, 100 listeners'],
  subjects: [keyplan, ioredis, ioredisAuto],
  inFlight: [1, 10, 100, 1000],
  expect: result => equal(result, true, 'the message was not received'),
  refute({ calls }, operations) {
    const published = calls.get('publish') ?? 0
    if (published < operations) return `${operations} messages were received and ${published} published`
    // However many listen.
    return published > operations ? `${operations} messages were published ${published} times` : undefined
  },
  async refuteRemains(database) {
    const keys = await database.dbsize()
    return keys > 0 ? `${keys} keys were left` : undefined
  },
}
