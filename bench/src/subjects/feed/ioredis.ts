import { Redis } from 'ioredis-6'
import type { SubjectKind } from '../../subject.ts'
import { createReceipts } from '../channel/receipts.ts'
import { type Entry, entryOf, followersOf, keep, ttlMs } from './entry.ts'

const key = 'entries:one'

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url, case: caseName }) {
      const redis = new Redis(url, { enableAutoPipelining })
      await redis.del(key)
      const append = async (i: number) => {
        const added = redis.xadd(key, 'MAXLEN', keep, '*', 'v', JSON.stringify(entryOf(i)))
        await Promise.all([added, redis.pexpire(key, ttlMs)])
        return added
      }
      const followers = followersOf(caseName)
      if (followers === 0) return { run: append, close: async () => void (await redis.quit()) }

      const receipts = createReceipts(followers)
      const reader = new Redis(url)
      let on = true
      const reading = (async () => {
        for (let last = '0-0'; on; ) {
          const reply = await reader.xread('COUNT', 200, 'BLOCK', 200, 'STREAMS', key, last)
          for (const [id, fields] of reply?.[0]?.[1] ?? []) {
            const { i } = JSON.parse(fields[1] ?? '') as Entry
            for (let count = 0; count < followers; count++) receipts.received(i)
            last = id
          }
        }
      })()
      return {
        async run(i) {
          const received = receipts.expect(i)
          await append(i)
          return received
        },
        async close() {
          on = false
          await reading
          await Promise.all([redis.quit(), reader.quit()])
        },
      }
    },
  }
}

/** What an application writes by hand: a reader that all share, without a start of their own, gaps or bounds. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
