import type { Certainty } from 'keyplan'
import type { PlatformAddress } from '../platforms/platform-data.ts'
import type { KushimRedis } from './redis-service.ts'

/** What is no longer true in the cache after a change. */
export type Invalidation =
  | { readonly kind: 'profile'; readonly userId: string }
  | { readonly kind: 'contextGroups'; readonly userId: string }
  | ({ readonly kind: 'platform' } & PlatformAddress)

/** Resolves with whether Redis has carried it out. */
export function invalidate(redis: KushimRedis, invalidation: Invalidation): Promise<Certainty> {
  switch (invalidation.kind) {
    case 'profile':
      return redis.userProfile({ userId: invalidation.userId }).delete()
    case 'contextGroups':
      return redis.contextGroup.invalidateTag(`user:${invalidation.userId}`)
    case 'platform': {
      const { platform, userId, dataSourceId } = invalidation
      return redis.platform({ platform, userId, dataSourceId }).delete()
    }
  }
}
