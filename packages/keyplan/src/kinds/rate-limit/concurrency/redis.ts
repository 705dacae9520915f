import type { Clock } from '../../../base/clock.ts'
import { lastChance } from '../../../mechanisms/lease/claim.ts'
import { createRequests } from '../../../mechanisms/lease/requests.ts'
import { helperKey } from '../../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../../plan/pattern/pattern.ts'
import type { Redis } from '../../../redis/redis.ts'
import type { ConcurrencySettings } from './contract.ts'
import { acquirePermit, peekPermits, releasePermit, renewPermit, withdrawPermit } from './scripts.ts'
import type { ConcurrencyStore } from './store.ts'

/** On which channel it is told that a permit of a key was given back. */
export const freedChannel =
  ({ tagged }: Pattern) =>
  (key: string) =>
    helperKey(key, tagged, 'freed')

export function createRedisConcurrencyStore(
  redis: Pick<Redis, 'evaluate' | 'send' | 'serverTime' | 'lane'>,
  { limit, leaseMs: lease }: ConcurrencySettings,
  channelOf: (key: string) => string,
  clock: Clock,
): ConcurrencyStore {
  const requests = createRequests(redis, clock, 'permit')

  return {
    async acquire(call, key, claim) {
      const reply = await requests.send(call, key, [claim], notAfter =>
        redis.evaluate(acquirePermit, { key }, { id: claim.owner, limit, lease, notAfter }, call),
      )
      claim.granted ||= reply.granted
      return reply
    },
    renew: (call, key, id) => redis.evaluate(renewPermit, { key }, { id, lease }, call),
    release: (call, key, id) => redis.evaluate(releasePermit, { key }, { id, limit, channel: channelOf(key) }, call),
    withdraw(call, key, claim) {
      const args = { id: claim.owner, limit, channel: channelOf(key), notAfter: lastChance(claim) }
      return redis.evaluate(withdrawPermit, { key }, args, call)
    },
    peek: (call, key) => redis.evaluate(peekPermits, { key }, { limit }, call),
    async reset(call, key) {
      await redis.send('del', [key], call)
    },
  }
}
