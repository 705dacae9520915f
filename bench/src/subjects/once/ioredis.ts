import { Redis } from 'ioredis-6'
import { keyCount, keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { receiptOf, rememberMilliseconds } from './receipt.ts'

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url }) {
      const redis = new Redis(url, { enableAutoPipelining })
      const pipeline = redis.pipeline()
      for (let i = 0; i < keyCount; i++) {
        pipeline.set(keyOf(i), `done ${JSON.stringify(receiptOf(i))}`, 'PX', rememberMilliseconds)
      }
      await pipeline.exec()
      return {
        async run(i) {
          const found = await redis.set(keyOf(i), 'running', 'PX', rememberMilliseconds, 'NX', 'GET')
          return found?.startsWith('done ') ? JSON.parse(found.slice(5)) : undefined
        },
        async close() {
          await redis.quit()
        },
      }
    },
  }
}

/** What an application writes by hand: SET NX GET, which claims the key or finds the result. No owner, lease or payload. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
