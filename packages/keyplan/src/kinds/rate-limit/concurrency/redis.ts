import { helperKey } from '../../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../../plan/pattern/pattern.ts'
import type { Redis } from '../../../redis/redis.ts'
import type { ConcurrencySettings } from './contract.ts'
import { acquirePermit, peekPermits, releasePermit, renewPermit } from './scripts.ts'
import type { ConcurrencyStore } from './store.ts'

/** On which channel it is told that a permit of a key was given back. */
export const freedChannel =
  ({ tagged }: Pattern) =>
  (key: string) =>
    helperKey(key, tagged, 'freed')

export function createRedisConcurrencyStore(
  redis: Pick<Redis, 'evaluate' | 'send'>,
  { limit, leaseMs: lease }: ConcurrencySettings,
  channelOf: (key: string) => string,
): ConcurrencyStore {
  return {
    acquire: (call, key, id) => redis.evaluate(acquirePermit, { key }, { id, limit, lease }, call),
    renew: (call, key, id) => redis.evaluate(renewPermit, { key }, { id, lease }, call),
    release: (call, key, id) => redis.evaluate(releasePermit, { key }, { id, limit, channel: channelOf(key) }, call),
    peek: (call, key) => redis.evaluate(peekPermits, { key }, { limit }, call),
    async reset(call, key) {
      await redis.send('del', [key], call)
    },
  }
}
