import { randomBytes } from 'node:crypto'
import { Redis, type Result } from 'ioredis-6'
import { keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { leaseMilliseconds } from './lease.ts'

declare module 'ioredis-6' {
  interface RedisCommander<Context> {
    deleteOwn(key: string, owner: string): Result<number, Context>
  }
}

const deleteOwn = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0`

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url }) {
      const redis = new Redis(url, { enableAutoPipelining })
      redis.defineCommand('deleteOwn', { numberOfKeys: 1, lua: deleteOwn })
      return {
        async run(i) {
          const key = keyOf(i)
          const owner = randomBytes(16).toString('hex')
          if ((await redis.set(key, owner, 'PX', leaseMilliseconds, 'NX')) !== 'OK') throw new Error(`${key} is held`)
          if ((await redis.deleteOwn(key, owner)) !== 1) throw new Error(`${key} was lost`)
          return true
        },
        async close() {
          await redis.quit()
        },
      }
    },
  }
}

/** What an application writes by hand: SET NX PX, then delete if it is still ours. No fence. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
