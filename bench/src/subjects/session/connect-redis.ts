import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { itemOf, keyCount, keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'

/** What express-session keeps beside the data. */
const cookie = { originalMaxAge: 3_600_000, httpOnly: true, path: '/' }

/** The store of express-session, as its middleware calls it: `get`, and `touch` at the end of each request. */
export const connectRedis: SubjectKind = {
  name: 'connect-redis',
  clients: ['node-redis'],
  async open({ url, case: name }) {
    const client = await createClient({ url }).connect()
    const store = new RedisStore({ client, ttl: 3_600 })
    for (let i = 0; i < keyCount; i++) await store.set(keyOf(i), { ...itemOf(i), cookie } as never)
    const look = async (i: number) => {
      const { cookie: _, ...data } = await store.get(keyOf(i))
      return data
    }
    const use = async (i: number) => {
      const session = await store.get(keyOf(i))
      await store.touch(keyOf(i), session)
      const { cookie: _, ...data } = session
      return data
    }
    return { run: name.startsWith('use') ? use : look, close: () => client.close() }
  },
}
