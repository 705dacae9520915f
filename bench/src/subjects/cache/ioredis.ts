import { Redis } from 'ioredis-6'
import { type Item, itemOf, keyCount, keyOf, load } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url, case: work }) {
      const redis = new Redis(url, { enableAutoPipelining })
      for (let i = 0; i < keyCount; i++) await redis.set(keyOf(i), JSON.stringify(itemOf(i)), 'EX', 3600)
      const get = async (i: number): Promise<Item | undefined> => {
        const stored = await redis.get(keyOf(i))
        return stored === null ? undefined : JSON.parse(stored)
      }
      const getOrLoad = async (i: number): Promise<Item> => {
        const found = await get(i)
        if (found !== undefined) return found
        const loaded = load(i)
        await redis.set(keyOf(i), JSON.stringify(loaded), 'EX', 3600)
        return loaded
      }
      return {
        run: work.startsWith('getOrLoad') ? getOrLoad : get,
        async close() {
          await redis.quit()
        },
      }
    },
  }
}

/** What an application writes by hand: GET and JSON.parse. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
