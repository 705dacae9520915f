import type { Suite } from '../subject.ts'
import { ioredis, ioredisAuto } from '../subjects/lock/ioredis.ts'
import { keyplan } from '../subjects/lock/keyplan.ts'
import { redlock } from '../subjects/lock/redlock.ts'
import { verrou } from '../subjects/lock/verrou.ts'

/** A lock taken and given back, over many keys, without a rival. */
export const lock: Suite = {
  cases: ['acquire+release uncontended'],
  subjects: [keyplan, ioredis, ioredisAuto, redlock, verrou],
  inFlight: [1, 10, 100, 1000],
  expect: () => undefined,
  refute({ calls }, operations) {
    // Many locks may be released by one delete; that all of them were, the remains show.
    const sets = calls.get('set') ?? 0
    return sets < operations ? `${operations} locks were taken with ${sets} writes` : undefined
  },
  async refuteRemains(database) {
    const keys = await database.keys('k*')
    return keys.length > 0 ? `${keys.length} locks are still held` : undefined
  },
}
