import type { Call } from '../../base/call.ts'
import type { Codec, Stored } from '../../base/codec.ts'
import { isKeyplanError } from '../../base/error.ts'
import { fenceTtl } from '../../mechanisms/lease/fence.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import type { Encoding, Redis } from '../../redis/redis.ts'
import { forgetScript, removeScript, writeFencedScript, writeTaggedScript } from './change-scripts.ts'
import { claimsOf } from './claims.ts'
import { epochsOf } from './epochs.ts'
import { keepScript, markScript, trackScript, untouchedScript } from './load-scripts.ts'
import type { CacheNames } from './names.ts'
import type { CacheSettings } from './settings.ts'
import type { CacheStore, Cursor, Page } from './store.ts'
import { splitAtTags } from './tag-header.ts'
import { tagLifetimes } from './tag-lifetime.ts'

const dayMs = 86_400_000

/** The count must outlive every load that compares with it; losing it costs a few loads that are not stored. */
const countTtl = 30 * dayMs

/** The most deletes that are remembered: forgetting one too early costs at worst a load that is not stored. */
const mostTraces = 10_000

/** What a cache needs of the seam. */
export type CacheServer = Pick<Redis, 'send' | 'evaluate' | 'scan' | 'slot'>

export const encodingOf = ({ binary }: Codec<unknown>): Encoding => (binary ? 'bytes' : 'text')

/** What `make` makes of one value. As MGET has it: what is no string reads as nothing. */
export function readOne<T>(
  redis: Pick<Redis, 'send'>,
  call: Call,
  key: string,
  encoding: Encoding,
  make: (value: Stored | null) => T,
): Promise<T> {
  return redis.send('get', [key], call, encoding).then(
    value => make(value as Stored | null),
    error => make(noString(error)),
  )
}

function noString(error: unknown): null {
  if (isKeyplanError(error, 'WRONG_TYPE')) return null
  throw error
}

/** A page of the values' keys. The server may repeat one within it. */
export async function listPage(redis: Pick<Redis, 'scan'>, pattern: Pattern, call: Call, at: Cursor): Promise<Page> {
  const { cursor, keys } = await redis.scan(pattern.glob(), at.cursor, call)
  return { cursor, keys: [...new Set(keys)].filter(key => pattern.match(key) !== undefined) }
}

/** The cache on one server, where a step may look at keys of the whole namespace. */
export function createRedisCacheStore(
  redis: CacheServer,
  pattern: Pattern,
  names: CacheNames,
  settings: CacheSettings,
): CacheStore {
  const { loadWindowMs: window, codec } = settings
  const { count, traces } = names
  const encoding = encodingOf(codec)
  const lifetime = tagLifetimes(settings)

  const forget = (call: Call, doomed: readonly string[]) =>
    redis.evaluate(forgetScript, { count, traces, doomed }, { window, countTtl }, call)

  return {
    read(call, keys, tags) {
      // Half the cost of the general way. Whoever misses asks for the count then, before its load begins.
      if (keys.length === 1 && tags.length === 0) {
        return readOne(redis, call, keys[0]!, encoding, value => ({ values: [value], seen: null, tags }))
      }
      return redis.send('mget', [count, ...tags, ...keys], call, encoding).then(reply => {
        const [seen, ...rest] = reply as (Stored | null)[]
        return {
          seen: seen?.toString() ?? null,
          tags: tags.map((_, index) => rest[index]?.toString() ?? null),
          values: rest.slice(tags.length),
        }
      })
    },

    async write(call, key, value, ttl, tags) {
      if (tags.length === 0) {
        await redis.send('set', [key, value, 'PX', ttl], call)
        return
      }
      const { before, after } = splitAtTags(value)
      const keys = { key, tags }
      await redis.evaluate(writeTaggedScript, keys, { before, after, ttl, ...lifetime(ttl) }, call)
    },

    writeFenced(call, key, value, ttl, tags, fence) {
      const { before, after } = tags.length === 0 ? { before: value, after: '' } : splitAtTags(value)
      const keys = { key, mark: names.fenced(key), tags }
      const args = { fence, fenceTtl: fenceTtl(ttl), before, after, ttl, ...lifetime(ttl) }
      return redis.evaluate(writeFencedScript, keys, args, call)
    },

    async track(call, keys, asked) {
      const [seen, ...tags] = await redis.evaluate(
        trackScript,
        { count, tags: asked },
        { countTtl, ...lifetime() },
        call,
      )
      return { seen: keys.map(() => seen!), tags }
    },

    untouched: (call, key, since) => redis.evaluate(untouchedScript, { key, count, traces }, { since }, call),

    async mark(call, key) {
      const mark = await redis.evaluate(markScript, { key }, {}, call)
      return mark === null ? 'nothing' : { mark }
    },

    keep(call, key, { value, ttlMs: ttl, tags, basis, replaces }) {
      const mark = replaces === 'nothing' ? replaces : replaces.mark
      const args = { value, ttl, seen: basis.seen, replaces: mark, versions: basis.tags, ...lifetime(ttl) }
      return redis.evaluate(keepScript, { key, count, traces, tags }, args, call)
    },

    ...claimsOf(redis, names),

    remove: (call, doomed) =>
      redis.evaluate(removeScript, { count, traces, doomed }, { window, most: mostTraces, countTtl }, call),

    ...epochsOf(redis, names, settings),

    forget: call => forget(call, []),

    async sweep(call, at) {
      const { cursor, keys } = await listPage(redis, pattern, call, at)
      if (keys.length > 0) await forget(call, keys)
      return { cursor, removed: keys.length }
    },

    list: (call, at) => listPage(redis, pattern, call, at),
  }
}
