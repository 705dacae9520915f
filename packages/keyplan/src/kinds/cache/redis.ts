import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { Encoding, Redis } from '../../redis/redis.ts'
import type { CacheSettings, CacheStore } from './contract.ts'
import type { CacheNames } from './names.ts'
import {
  forgetScript,
  keepScript,
  markScript,
  outdateScript,
  removeScript,
  trackScript,
  untouchedScript,
  writeTaggedScript,
} from './scripts.ts'
import { splitAtTags } from './tag-header.ts'

const dayMs = 86_400_000

/** The count must outlive every load that compares with it; losing it costs a few loads that are not stored. */
const countTtl = 30 * dayMs

/** The most deletes that are remembered: forgetting one too early costs at worst a load that is not stored. */
const mostTraces = 10_000
const page = 500

export function createRedisCacheStore(
  redis: Pick<Redis, 'send' | 'evaluate'>,
  pattern: Pattern,
  names: CacheNames,
  { ttlMs, loadWindowMs: window, codec }: CacheSettings,
): CacheStore {
  const { count, traces } = names
  const encoding: Encoding = codec.binary ? 'bytes' : 'text'
  /** Long enough that a busy tag is seldom begun anew; when it is forgotten, the values that carry it are outdated. */
  const tagTtl = 4 * ttlMs + dayMs

  /** As MGET has it: what is no string reads as nothing. */
  async function value(call: Call, key: string): Promise<Stored | null> {
    try {
      return (await redis.send('get', [key], call, encoding)) as Stored | null
    } catch (error) {
      if (isKeyplanError(error, 'WRONG_TYPE')) return null
      throw error
    }
  }

  return {
    async read(call, keys, tags) {
      // Half the cost of the general way. Whoever misses asks for the count then, before its load begins.
      if (keys.length === 1 && tags.length === 0) return { values: [await value(call, keys[0]!)], seen: null, tags }
      const asked = [count, ...tags.map(names.tag), ...keys]
      const reply = (await redis.send('mget', asked, call, encoding)) as (Stored | null)[]
      return {
        seen: reply[0]?.toString() ?? null,
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

    async track(call, asked) {
      const keys = { count, tags: asked.map(names.tag) }
      const [seen, ...tags] = await redis.evaluate(trackScript, keys, { countTtl, tagTtl }, call)
      return { seen: seen!, tags }
    },

    untouched: (call, key, since) => redis.evaluate(untouchedScript, { key, count, traces }, { since }, call),

    async mark(call, key) {
      const mark = await redis.evaluate(markScript, { key }, {}, call)
      return mark === null ? 'nothing' : { mark }
    },

    keep(call, key, { value, ttlMs: ttl, tags, basis, replaces }) {
      const mark = replaces === 'nothing' ? replaces : replaces.mark
      const args = { value, ttl, seen: basis.seen, replaces: mark, versions: basis.tags }
      return redis.evaluate(keepScript, { key, count, traces, tags: tags.map(names.tag) }, args, call)
    },

    remove: (call, doomed) =>
      redis.evaluate(removeScript, { count, traces, doomed }, { window, most: mostTraces, countTtl }, call),

    outdate: (call, tags) => redis.evaluate(outdateScript, { tags: tags.map(names.tag) }, { tagTtl }, call),

    forget: call => redis.evaluate(forgetScript, { count, traces }, { window, countTtl }, call),

    async sweep(call, cursor) {
      const args = [cursor, 'MATCH', pattern.glob(), 'COUNT', page]
      const [next, keys] = (await redis.send('scan', args, call)) as [string, string[]]
      const own = keys.filter(key => pattern.match(key) !== undefined)
      const removed = own.length === 0 ? 0 : ((await redis.send('unlink', own, call)) as number)
      return { cursor: next, removed }
    },
  }
}
