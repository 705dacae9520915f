import { Redis, type Result } from 'ioredis-6'
import { keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { limit, windowSeconds } from './window.ts'

declare module 'ioredis-6' {
  interface RedisCommander<Context> {
    takePoint(key: string, windowSeconds: number): Result<number, Context>
  }
}

const takePoint = `
local taken = redis.call('INCR', KEYS[1])
if taken == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return taken`

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url }) {
      const redis = new Redis(url, { enableAutoPipelining })
      redis.defineCommand('takePoint', { numberOfKeys: 1, lua: takePoint })
      return {
        run: async i => (await redis.takePoint(keyOf(i), windowSeconds)) <= limit,
        async close() {
          await redis.quit()
        },
      }
    },
  }
}

/** What an application writes by hand: INCR and, at the first, EXPIRE in one script. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
