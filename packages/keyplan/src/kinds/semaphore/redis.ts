import type { Clock } from '../../base/clock.ts'
import { lastChance } from '../../mechanisms/lease/claim.ts'
import { fenceTtl } from '../../mechanisms/lease/fence.ts'
import { createRequests } from '../../mechanisms/lease/requests.ts'
import type { Redis } from '../../redis/redis.ts'
import type { SemaphoreNames } from './names.ts'
import { acquireScript, extendScript, inspectScript, releaseScript, resizeScript, withdrawScript } from './scripts.ts'
import { type SemaphoreStore, stateOf, tooMany } from './store.ts'

export function createRedisSemaphoreStore(
  redis: Pick<Redis, 'evaluate' | 'serverTime' | 'lane'>,
  names: SemaphoreNames,
  clock: Clock,
): SemaphoreStore {
  const requests = createRequests(redis, clock, 'permit')
  const keysOf = (key: string) => ({ semaphore: key, fence: names.fence(key), limit: names.limit(key) })

  return {
    async acquire(call, { key, claim, permits }, declared, ttlMs) {
      let sentAt = 0
      const args = { owner: claim.owner, permits, declared, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }
      const { sign, detail } = await requests.send(call, key, [claim], notAfter => {
        sentAt = clock.now()
        return redis.evaluate(acquireScript, keysOf(key), { notAfter, ...args }, call)
      })
      if (sign === '>') throw tooMany(permits, Number(detail))
      if (sign === '-') return { granted: false, remainingMs: Number(detail) }
      claim.granted = true
      return { granted: true, fence: detail, until: sentAt + ttlMs, degraded: false }
    },
    async extend(call, { key, claim, permits }, ttlMs) {
      const until = clock.now() + ttlMs
      const args = { owner: claim.owner, permits, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }
      return (await redis.evaluate(extendScript, keysOf(key), args, call)) ? until : undefined
    },
    release(call, { key, claim, permits }) {
      return redis.evaluate(
        releaseScript,
        { semaphore: key },
        { owner: claim.owner, permits, wake: names.wake(key) },
        call,
      )
    },
    withdraw(call, { key, claim, permits }) {
      const args = { owner: claim.owner, permits, wake: names.wake(key), notAfter: lastChance(claim) }
      return redis.evaluate(withdrawScript, { semaphore: key }, args, call)
    },
    async inspect(call, key, declared) {
      const { limit, remainingMs } = await redis.evaluate(
        inspectScript,
        { semaphore: key, limit: names.limit(key) },
        {},
        call,
      )
      return stateOf(limit ?? declared, remainingMs)
    },
    resize(call, key, permits) {
      const args = { permits: permits ?? '', limitTtl: fenceTtl(0), wake: names.wake(key) }
      return redis.evaluate(resizeScript, { limit: names.limit(key) }, args, call)
    },
  }
}
