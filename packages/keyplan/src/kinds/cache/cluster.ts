import { randomUUID } from 'node:crypto'
import type { Call } from '../../base/call.ts'
import type { Stored } from '../../base/codec.ts'
import { fenceTtl } from '../../mechanisms/lease/fence.ts'
import { perSlot, whole } from '../../mechanisms/per-slot.ts'
import { matchHelper } from '../../plan/pattern/helper-key.ts'
import type { Pattern } from '../../plan/pattern/pattern.ts'
import { writeFencedScript } from './change-scripts.ts'
import { claimsOf } from './claims.ts'
import { epochsOf } from './epochs.ts'
import { keepLeasedScript, markScript } from './load-scripts.ts'
import type { CacheNames } from './names.ts'
import { createOrder } from './order.ts'
import { type CacheServer, encodingOf, listPage, readOne } from './redis.ts'
import type { CacheSettings } from './settings.ts'
import type { CacheStore, Version } from './store.ts'
import { joinAtTags, splitAtTags } from './tag-header.ts'
import { tagLifetimes } from './tag-lifetime.ts'
import { trackTagsScript } from './tag-scripts.ts'

const alone = (value: Stored | null) => [value]

/**
 * The cache on a cluster, where a step sees one slot. What the count of a namespace is on a single server, a lease beside
 * each key is here: whoever misses takes or joins it, a delete removes it with the key, and a load is stored only if it
 * still stands. One that was lost means "not stored", so nothing that a node forgets can make the cache lie. The idea is
 * that of the leases in Nishtala et al., "Scaling Memcache at Facebook" (NSDI 2013).
 */
export function createClusterCacheStore(
  redis: CacheServer,
  pattern: Pattern,
  names: CacheNames,
  settings: CacheSettings,
): CacheStore {
  const { loadWindowMs: window, codec } = settings
  const encoding = encodingOf(codec)
  const lifetime = tagLifetimes(settings)
  const instance = randomUUID()
  let leases = 0
  const order = createOrder()

  /** Values of keys of any slots: those of one slot in one command. */
  async function values(call: Call, keys: readonly string[]): Promise<readonly (Stored | null)[]> {
    const [only] = keys
    if (keys.length === 1) return readOne(redis, call, only!, encoding, alone)
    return whole(
      await perSlot<string, Stored | null>(redis, keys, itself, async some =>
        some.length === 1
          ? readOne(redis, call, some[0]!, encoding, alone)
          : ((await redis.send('mget', some, call, encoding)) as (Stored | null)[]),
      ),
    )
  }

  async function trackTags(call: Call, tags: readonly string[], keptMs?: number): Promise<readonly Version[]> {
    if (tags.length === 0) return tags
    return whole(
      await perSlot<string, Version>(redis, tags, itself, some =>
        redis.evaluate(trackTagsScript, { tags: some }, lifetime(keptMs), call),
      ),
    )
  }

  async function lease(call: Call, key: string): Promise<Version> {
    const mine = `${instance}:${++leases}`
    const standing = await redis.send('set', [names.lease(key), mine, 'NX', 'GET', 'PX', window], call)
    return standing === null ? mine : String(standing)
  }

  async function writeTagged(call: Call, key: string, value: Stored, ttl: number, tags: readonly string[]) {
    const versions = await trackTags(call, tags, ttl)
    const { before, after } = splitAtTags(value)
    await redis.send('set', [key, joinAtTags(before, versions.join(','), after), 'PX', ttl], call)
  }

  return {
    async read(call, keys, tags) {
      const earlier = order.settled(keys)
      if (earlier) await earlier
      const [found, versions] = await Promise.all([values(call, keys), tags.length === 0 ? [] : values(call, tags)])
      return { values: found, tags: versions.map(version => version?.toString() ?? null), seen: null }
    },

    async write(call, key, value, ttl, tags) {
      if (tags.length === 0) await redis.send('set', [key, value, 'PX', ttl], call)
      else await order.behind(key, () => writeTagged(call, key, value, ttl, tags))
    },

    async writeFenced(call, key, value, ttl, tags, fence) {
      let written = false
      async function put(before: Stored): Promise<void> {
        const keys = { key, mark: names.fenced(key), tags: [] }
        const args = { fence, fenceTtl: fenceTtl(ttl), before, after: '', ttl, ...lifetime(ttl) }
        written = await redis.evaluate(writeFencedScript, keys, args, call)
      }
      async function putTagged(): Promise<void> {
        const versions = await trackTags(call, tags, ttl)
        const { before, after } = splitAtTags(value)
        await put(joinAtTags(before, versions.join(','), after))
      }
      await (tags.length === 0 ? put(value) : order.behind(key, putTagged))
      return written
    },

    async track(call, keys, tags) {
      const [seen, versions] = await Promise.all([
        Promise.all(keys.map(key => lease(call, key))),
        trackTags(call, tags),
      ])
      return { seen, tags: versions }
    },

    async untouched(call, key, since) {
      return (await redis.send('get', [names.lease(key)], call)) === since
    },

    async mark(call, key) {
      const mark = await redis.evaluate(markScript, { key }, {}, call)
      return mark === null ? 'nothing' : { mark }
    },

    // Tags that moved meanwhile need no look: the versions from before the load are in the value, and outdated.
    async keep(call, key, { value, ttlMs: ttl, tags, basis, replaces }) {
      // For a usual time to live they had enough left when the load began.
      if (tags.length > 0 && lifetime(ttl) !== lifetime()) await trackTags(call, tags, ttl)
      const mark = replaces === 'nothing' ? replaces : replaces.mark
      const keys = { key, lease: names.lease(key) }
      return redis.evaluate(keepLeasedScript, keys, { value, ttl, seen: basis.seen, replaces: mark }, call)
    },

    ...claimsOf(redis, names),

    async remove(call, keys) {
      const earlier = order.settled(keys)
      if (earlier) await earlier
      const both = keys.flatMap(key => [key, names.lease(key)])
      whole(await perSlot(redis, both, itself, async some => [await redis.send('unlink', some, call)]))
    },

    ...epochsOf(redis, names, settings),

    // The leases are swept first.
    forget: async () => {},

    /** Leases before values, and with them again: a load that stored its value behind the broom had lost its lease by then. */
    async sweep(call, { cursor }) {
      const [phase = 'leases', within = '0'] = cursor === '0' ? [] : cursor.split('/')
      const isLease = phase === 'leases'
      const page = await redis.scan(isLease ? names.lease(pattern.glob()) : pattern.glob(), within, call)
      const doomed = page.keys.filter(key =>
        isLease ? matchHelper(pattern, key) !== undefined : pattern.match(key) !== undefined,
      )
      const gone = isLease ? doomed : doomed.flatMap(key => [key, names.lease(key)])
      whole(await perSlot(redis, gone, itself, async some => [await redis.send('unlink', some, call)]))
      const removed = isLease ? 0 : doomed.length
      if (page.cursor !== '0') return { cursor: `${phase}/${page.cursor}`, removed }
      return { cursor: isLease ? 'values/0' : '0', removed }
    },

    list: (call, at) => listPage(redis, pattern, call, at),
  }
}

const itself = (key: string) => key
