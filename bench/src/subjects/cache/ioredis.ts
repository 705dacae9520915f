import { Redis } from 'ioredis-6'
import { keyCount, keyOf, load, sampleOf, type ValueName, valueNameOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { workOf } from './work.ts'

interface Form {
  encode(value: unknown): string | Buffer
  get(redis: Redis, key: string): Promise<unknown>
}

const json: Form = {
  encode: value => JSON.stringify(value),
  async get(redis, key) {
    const stored = await redis.get(key)
    return stored === null ? undefined : JSON.parse(stored)
  },
}

/** What an application writes by hand for each kind of value. */
const forms: Readonly<Record<ValueName, Form>> = {
  '100 B JSON': json,
  '10 kB JSON': json,
  'short text': {
    encode: value => String(value),
    get: async (redis, key) => (await redis.get(key)) ?? undefined,
  },
  embedding: {
    encode: value => Buffer.from((value as Float32Array).buffer),
    async get(redis, key) {
      const stored = await redis.getBuffer(key)
      return stored === null ? undefined : new Float32Array(new Uint8Array(stored).buffer)
    },
  },
}

function raw(name: string, enableAutoPipelining: boolean): SubjectKind {
  return {
    name,
    clients: ['ioredis 6'],
    async open({ url, case: work }) {
      const redis = new Redis(url, { enableAutoPipelining })
      const form = forms[valueNameOf(work)]
      const store = (i: number, value: unknown) => redis.set(keyOf(i), form.encode(value), 'EX', 3600)
      for (let i = 0; i < keyCount; i++) await store(i, sampleOf(work, i))
      const get = (i: number) => form.get(redis, keyOf(i))
      const getOrLoad = async (i: number): Promise<unknown> => {
        const found = await get(i)
        if (found !== undefined) return found
        const loaded = load(i)
        await store(i, loaded)
        return loaded
      }
      return {
        run: workOf(work, { get, getOrLoad, set: store }),
        async close() {
          await redis.quit()
        },
      }
    },
  }
}

/** What an application writes by hand: GET and what decodes the value. */
export const ioredis = raw('ioredis', false)
export const ioredisAuto = raw('ioredis-auto', true)
