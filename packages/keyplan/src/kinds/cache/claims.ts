import type { Redis } from '../../redis/redis.ts'
import { claimScript, releaseScript } from './claim-scripts.ts'
import type { CacheNames } from './names.ts'
import type { CacheStore } from './store.ts'

/** The right to load a key among all processes: beside the key, so that it is the same on a cluster. */
export function claimsOf(redis: Pick<Redis, 'evaluate'>, names: CacheNames): Pick<CacheStore, 'claim' | 'release'> {
  return {
    claim: (call, key, token, ms) => redis.evaluate(claimScript, { claim: names.claim(key) }, { token, ms }, call),
    release: (call, key, token) =>
      redis.evaluate(releaseScript, { claim: names.claim(key) }, { token, loaded: names.loaded(key) }, call),
  }
}
