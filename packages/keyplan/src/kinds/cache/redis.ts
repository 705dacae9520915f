import type { Stored } from '../../base/codec.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { Encoding, Redis } from '../../redis/redis.ts'
import type { CacheSettings, CacheStore, Version } from './contract.ts'
import type { CacheNames } from './names.ts'
import { bumpScript, keepScript, removeScript, trackScript, writeTaggedScript } from './scripts.ts'
import { splitAtTags } from './tag-header.ts'

const dayMs = 86_400_000

/** The count must outlive every load that compares with it; losing it costs a few loads that are not stored. */
const countTtl = 30 * dayMs
const page = 500

export function createRedisCacheStore(
  redis: Pick<Redis, 'send' | 'evaluate'>,
  pattern: Pattern,
  names: CacheNames,
  { ttlMs, loadWindowMs, codec }: CacheSettings,
): CacheStore {
  const { count, cleared } = names
  const encoding: Encoding = codec.binary ? 'bytes' : 'text'
  const counter = (value: Stored | null | undefined): Version =>
    value === null || value === undefined ? '0' : value.toString()
  /** Beyond the life of every value that carries it: when it is forgotten, those are gone. */
  const tagTtl = 4 * ttlMs + dayMs

  return {
    async read(call, keys, tags) {
      const asked = [count, ...tags.map(names.tag), ...keys]
      const reply = (await redis.send('mget', asked, call, encoding)) as (Stored | null)[]
      return {
        seen: counter(reply[0]),
        tags: tags.map((_, index) => reply[index + 1]?.toString() ?? null),
        values: reply.slice(tags.length + 1),
      }
    },

    async write(call, key, value, ttl, tags) {
      if (tags.length === 0) {
        await redis.send('set', [key, value, 'PX', ttl], call)
        return
      }
      const { before, after } = splitAtTags(value)
      const keys = { key, tags: tags.map(names.tag) }
      await redis.evaluate(writeTaggedScript, keys, { before, after, ttl, tagTtl }, call)
    },

    keep(call, key, { value, ttlMs: ttl, seen, late, replaces }) {
      const mark = typeof replaces === 'string' ? replaces : replaces.mark
      const args = { value, ttl, seen, late: late ? 1 : 0, replaces: mark }
      return redis.evaluate(keepScript, { key, trace: names.trace(key), count, cleared }, args, call)
    },

    remove(call, keys) {
      const pairs = keys.flatMap(key => [key, names.trace(key)])
      return redis.evaluate(removeScript, { count, pairs }, { traceTtl: loadWindowMs, countTtl }, call)
    },

    track: (call, tags) => redis.evaluate(trackScript, { tags: tags.map(names.tag) }, { tagTtl }, call),

    outdate: (call, tags) => redis.evaluate(bumpScript, { counters: tags.map(names.tag) }, { lifetime: tagTtl }, call),

    forget: call => redis.evaluate(bumpScript, { counters: [count, cleared] }, { lifetime: countTtl }, call),

    async sweep(call, cursor) {
      const args = [cursor, 'MATCH', pattern.glob(), 'COUNT', page]
      const [next, keys] = (await redis.send('scan', args, call)) as [string, string[]]
      const own = keys.filter(key => pattern.match(key) !== undefined)
      const removed = own.length === 0 ? 0 : ((await redis.send('unlink', own, call)) as number)
      return { cursor: next, removed }
    },
  }
}
