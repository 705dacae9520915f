import { ok } from 'node:assert'
import type { Suite } from '../subject.ts'
import { ioredis, ioredisAuto } from '../subjects/feed/ioredis.ts'
import { keyplan } from '../subjects/feed/keyplan.ts'

/** An entry appended to a bounded feed; and appended, and given to everyone who follows it in the same process. */
export const feed: Suite = {
  cases: ['append', 'append → follow', 'append → follow, 1,000 followers'],
  subjects: [keyplan, ioredis, ioredisAuto],
  inFlight: [1, 10, 100, 1000],
  expect: result => ok(result, 'the entry was not appended, or not received'),
  refute({ calls }, operations) {
    const added = calls.get('xadd') ?? 0
    if (added < operations) return `${operations} entries were appended with ${added} XADD`
    // However many follow: each entry is read at most twice, when it is waited for and by who was just busy with others.
    const read = (calls.get('xread') ?? 0) + (calls.get('xrange') ?? 0)
    return read > 2 * operations + mostReads ? `${operations} entries were read ${read} times` : undefined
  },
  async refuteRemains(database) {
    const keys = await database.dbsize()
    return keys > 1 ? `${keys} keys were left of one feed` : undefined
  },
}

/** Followers find out where they are when they begin, and waits end without an entry. */
const mostReads = 2_000
