import { createHash } from 'node:crypto'
import { Ratelimit } from '@upstash/ratelimit'
import type { Redis } from 'ioredis-6'
import { keyCount, keyOf } from '../../dataset.ts'
import type { SubjectKind } from '../../subject.ts'
import { ioredisClients, openIoredisSix } from '../ioredis-clients.ts'
import { blockedLimit, ownLimit, ownWindow } from './window.ts'

type UpstashRedis = ConstructorParameters<typeof Ratelimit>[0]['redis']

/**
 * What the package asks of its Redis, over ioredis. The first line of its scripts names a flag that only the servers of
 * its makers know, so it is left out.
 */
function overIoredis(redis: Redis): UpstashRedis {
  const loaded = new Map<string, string>()
  const evalsha = async (hash: string, keys: string[], args: unknown[]) => {
    const sha = loaded.get(hash)
    if (sha === undefined) throw new Error('NOSCRIPT')
    return redis.evalsha(sha, keys.length, ...keys, ...args.map(String))
  }
  const adapter = {
    evalsha,
    async eval(script: string, keys: string[], args: unknown[]) {
      const hash = createHash('sha1').update(script).digest('hex')
      loaded.set(hash, String(await redis.script('LOAD', script.replace(/^#!.*\n/, ''))))
      return evalsha(hash, keys, args)
    },
  }
  return adapter as unknown as UpstashRedis
}

/** A hundred at a time: its ephemeral cache then knows all keys. */
async function useUp(consume: (i: number) => Promise<unknown>): Promise<void> {
  for (let begun = 0; begun < 2 * keyCount; begun += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, at) => consume(begun + at)))
  }
}

/** Its algorithm that stands nearest to that of the case. */
const algorithms = {
  'consume sliding window': () => Ratelimit.slidingWindow(ownLimit, ownWindow),
  'consume sliding log': () => Ratelimit.slidingWindow(ownLimit, ownWindow),
  'consume token bucket': () => Ratelimit.tokenBucket(ownLimit, ownWindow, ownLimit),
  'consume gcra': () => Ratelimit.tokenBucket(ownLimit, ownWindow, ownLimit),
  'consume two limits': () => Ratelimit.fixedWindow(ownLimit, ownWindow),
  'consume blocked key': () => Ratelimit.fixedWindow(blockedLimit, ownWindow),
} as const

export const upstash: SubjectKind = {
  name: '@upstash/ratelimit',
  clients: ioredisClients,
  async open({ url, client, case: name }) {
    const connection = openIoredisSix(url, client)
    const redis = overIoredis(connection)
    const ephemeralCache = new Map<string, number>()
    const create = (prefix: string) =>
      new Ratelimit({
        redis,
        limiter: algorithms[name as keyof typeof algorithms](),
        prefix,
        timeout: 0,
        ephemeralCache,
      })
    const limiter = create('one')
    const second = create('two')
    const one = async (key: string) => (await limiter.limit(key)).success
    const both = async (key: string) => (await one(key)) && (await second.limit(key)).success
    const blocked = async (key: string) => !(await one(key))
    const runs = { 'consume two limits': both, 'consume blocked key': blocked } as const
    if (name === 'consume blocked key') await useUp(i => one(keyOf(i)))
    const run = runs[name as keyof typeof runs] ?? one
    return {
      run: i => run(keyOf(i)),
      async close() {
        await connection.quit()
      },
    }
  },
}
