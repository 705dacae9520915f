import type { Suite } from '../subject.ts'
import { keyplan } from '../subjects/semaphore/keyplan.ts'
import { redisSemaphore } from '../subjects/semaphore/redis-semaphore.ts'

/** One permit of five, taken and given back, over many keys, without a rival. */
export const semaphore: Suite = {
  cases: ['acquire+release one of five'],
  subjects: [keyplan, redisSemaphore],
  inFlight: [1, 10, 100, 1000],
  expect: () => undefined,
  refute({ calls }, operations) {
    const removals = calls.get('zrem') ?? 0
    return removals < operations ? `${operations} permits were given back with ${removals} removals` : undefined
  },
  async refuteRemains(database) {
    const keys = [...(await database.keys('k*')), ...(await database.keys('semaphore:*'))]
    return keys.length > 0 ? `permits of ${keys.length} semaphores are still held` : undefined
  },
}
