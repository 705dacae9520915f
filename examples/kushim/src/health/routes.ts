import { redisHealth } from '@keyplan/ops'
import type { Database } from '../database/database.ts'
import type { Route } from '../http/router.ts'
import type { RedisService } from '../redis/redis-service.ts'

const patienceMs = 400

async function checkDatabase(database: Database): Promise<'up' | 'down'> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'down'>(resolve => {
    timer = setTimeout(resolve, patienceMs, 'down')
  })
  const asked = database.query('select 1').then(
    (): 'up' => 'up',
    (): 'down' => 'down',
  )
  return Promise.race([asked, late]).finally(() => clearTimeout(timer))
}

/** Where there is no Redis none is up: its health says that, and where caches and locks are instead. */
async function checkRedis(redis: RedisService) {
  if (!redis.shared) return { status: 'none', enabled: false, mode: 'memory', info: {} } as const
  return redisHealth(redis.client)
}

export function healthRoutes({ database, redis }: { database: Database; redis: RedisService }): Route[] {
  return [
    {
      method: 'GET',
      path: '/health',
      async handle() {
        const [base, cache] = await Promise.all([checkDatabase(database), checkRedis(redis)])
        const well = cache.status === 'up' || cache.status === 'none'
        // Without Redis the service is slower and still right, so it stays in service.
        const status = base === 'down' ? 'down' : well ? 'up' : 'degraded'
        const body = { status, database: base, redis: cache.status, mode: cache.mode, pid: process.pid }
        return { status: base === 'down' ? 503 : 200, body, headers: { 'cache-control': 'no-store' } }
      },
    },
    {
      method: 'GET',
      path: '/health/redis',
      async handle() {
        const health = await checkRedis(redis)
        return { status: health.status === 'down' ? 503 : 200, body: health, headers: { 'cache-control': 'no-store' } }
      },
    },
  ]
}
