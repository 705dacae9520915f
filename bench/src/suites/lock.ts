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
    const deletes = (calls.get('del') ?? 0) + (calls.get('unlink') ?? 0)
    return deletes < operations ? `${operations} locks were released with ${deletes} deletes` : undefined
  },
  async refuteRemains(database) {
    const keys = await database.keys('k*')
    return keys.length > 0 ? `${keys.length} locks are still held` : undefined
  },
}
