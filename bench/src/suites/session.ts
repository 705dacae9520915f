import { deepStrictEqual } from 'node:assert'
import { itemOf } from '../dataset.ts'
import type { Suite } from '../subject.ts'
import { connectRedis } from '../subjects/session/connect-redis.ts'
import { keyplan } from '../subjects/session/keyplan.ts'

/** Sessions that are all there: looked at, and used as a request uses them. */
export const session: Suite = {
  cases: ['look at session', 'use session'],
  subjects: [keyplan, connectRedis],
  inFlight: [1, 10, 100, 1000],
  expect: (result, i) => deepStrictEqual(result, itemOf(i)),
  refute({ hits }, operations) {
    return hits < operations ? `${operations} reads were answered by ${hits} keys found` : undefined
  },
  refuteRemains: async () => undefined,
}
