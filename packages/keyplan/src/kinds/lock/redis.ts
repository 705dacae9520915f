import type { Clock } from '../../base/clock.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import type { Redis } from '../../redis/redis.ts'
import type { Claim, Unanswered } from './claim.ts'
import type { LockStore } from './contract.ts'
import type { LockNames } from './names.ts'
import { acquireScript, extendScript, releaseScript, withdrawScript } from './scripts.ts'

/** The fence outlives its lock by far, so that it does not start anew from the clock. */
const shortestFenceTtl = 30 * 86_400_000
const fenceTtl = (ttlMs: number) => Math.max(shortestFenceTtl, 100 * ttlMs)

export function createRedisLockStore(
  redis: Pick<Redis, 'send' | 'evaluate' | 'serverTime'>,
  names: LockNames,
  clock: Clock,
): LockStore {
  /** How far the server's clock is ahead of the estimate, seen in its last reply: it may have been set forward. */
  let ahead = 0
  const learn = (now: number) => {
    ahead = Math.max(0, now - redis.serverTime())
  }

  /** Keeps the request on the claim's list until its answer is known. */
  async function tracked<T>({ unanswered }: Claim, request: Unanswered, send: () => Promise<T>): Promise<T> {
    unanswered.add(request)
    try {
      const reply = await send()
      unanswered.delete(request)
      return reply
    } catch (error) {
      if (isKeyplanError(error) && error.outcome === 'not-executed') unanswered.delete(request)
      throw error
    }
  }

  return {
    async acquire(call, key, claim, ttlMs) {
      for (let tries = 1; ; tries++) {
        const sentAt = clock.now()
        const notAfter = Math.ceil(redis.serverTime() + ahead + call.expires - sentAt)
        const args = { owner: claim.owner, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs), notAfter }
        const reply = await tracked(claim, { call, notAfter }, () =>
          redis.evaluate(acquireScript, { lock: key, fence: names.fence(key) }, args, call),
        )
        learn(reply.now)
        if (reply.verdict === 'granted') {
          claim.granted = true
          return { granted: true, fence: reply.fence, until: sentAt + ttlMs, degraded: false }
        }
        if (reply.verdict === 'busy') {
          return { granted: false, remainingMs: reply.remaining < 0 ? undefined : reply.remaining }
        }
        // An answer in time that says "too late" means that the server's clock is not where it was thought to be.
        if (tries === 2 || clock.now() >= call.expires) {
          throw new KeyplanError('TIMEOUT', 'The request for the lock reached Redis too late and was refused', {
            outcome: 'not-executed',
          })
        }
      }
    },
    async extend(call, key, { owner }, ttlMs) {
      const until = clock.now() + ttlMs
      const keys = { lock: key, fence: names.fence(key) }
      const args = { owner, ttl: ttlMs, fenceTtl: fenceTtl(ttlMs) }
      return (await redis.evaluate(extendScript, keys, args, call)) ? until : undefined
    },
    release: (call, key, { owner }) =>
      redis.evaluate(releaseScript, { lock: key }, { owner, wake: names.wake(key) }, call),
    withdraw(call, key, { owner, unanswered }) {
      let notAfter = 0
      for (const request of unanswered) if (request.call.written) notAfter = Math.max(notAfter, request.notAfter)
      return redis.evaluate(withdrawScript, { lock: key }, { owner, wake: names.wake(key), notAfter }, call)
    },
    async inspect(call, key) {
      const remaining = Number(await redis.send('pttl', [key], call))
      return { locked: remaining !== -2, remainingMs: remaining < 0 ? undefined : remaining }
    },
  }
}
