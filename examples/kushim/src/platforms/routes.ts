import type { Database } from '../database/database.ts'
import { text } from '../http/input.ts'
import type { Route } from '../http/router.ts'
import type { Changes } from '../redis/changes.ts'
import { readThrough } from '../redis/read-through.ts'
import type { KushimRedis } from '../redis/redis-service.ts'
import { loadPlatformData } from './platform-data.ts'

export interface PlatformRouteOptions {
  readonly database: Database
  readonly redis: KushimRedis
  readonly changes: Changes
}

export function platformRoutes({ database, redis, changes }: PlatformRouteOptions): Route[] {
  return [
    {
      method: 'GET',
      path: '/platforms/:platform/users/:userId/sources/:sourceId',
      async handle(request) {
        const address = {
          platform: text('platform', request.params.platform),
          userId: text('userId', request.params.userId),
          dataSourceId: text('sourceId', request.params.sourceId),
        }
        const { value, hit } = await readThrough(changes, redis.platform(address), () =>
          database.transaction(sql => loadPlatformData(sql, address)),
        )
        return { status: 200, body: value, headers: { 'x-cache': hit ? 'hit' : 'miss' } }
      },
    },
  ]
}
