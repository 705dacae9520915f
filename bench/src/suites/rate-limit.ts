import { equal } from 'node:assert'
import type { Suite } from '../subject.ts'
import { ioredis, ioredisAuto } from '../subjects/rate-limit/ioredis.ts'
import { keyplan } from '../subjects/rate-limit/keyplan.ts'
import { rateLimiterFlexible } from '../subjects/rate-limit/rate-limiter-flexible.ts'

/** One point taken from a fixed window, over many keys, under a limit that is never reached. */
export const rateLimit: Suite = {
  cases: ['consume fixed window'],
  subjects: [keyplan, ioredis, ioredisAuto, rateLimiterFlexible],
  inFlight: [1, 10, 100, 1000],
  expect: result => equal(result, true, 'the call was not allowed'),
  refute: () => undefined,
  async refuteRemains(database, operations) {
    let sum = 0
    for await (const keys of database.scanStream({ count: 1000 })) {
      // Keyplan's counters hold the end of the window above the count.
      for (const counter of await database.mget(keys)) sum += Number(counter) % 2 ** 31
    }
    return sum === operations ? undefined : `${operations} points were taken, the counters hold ${sum}`
  },
}
