import type { Call } from '../../base/call.ts'
import { perSlot, whole } from '../../mechanisms/per-slot.ts'
import type { Redis } from '../../redis/redis.ts'
import type { CacheNames } from './names.ts'
import type { CacheSettings } from './settings.ts'
import type { CacheStore } from './store.ts'
import { tagLifetimes } from './tag-lifetime.ts'
import { adoptScript, epochScript, moveEpochScript, outdateScript } from './tag-scripts.ts'

/**
 * Tags as they change, on one server or several. Which tags a loader will name is not known when its load begins; so the
 * epoch is noted then, and no tag it names may have a version above that.
 */
export function epochsOf(
  redis: Pick<Redis, 'send' | 'evaluate' | 'slot'>,
  { epoch }: CacheNames,
  settings: CacheSettings,
): Pick<CacheStore, 'versions' | 'epoch' | 'adopt' | 'outdate'> {
  const { loaderTags } = settings
  const lifetime = tagLifetimes(settings)
  const { tagTtl } = lifetime()
  const moveEpoch = (call: Call, least: number) => redis.evaluate(moveEpochScript, { epoch }, { tagTtl, least }, call)

  return {
    versions: async (call, tags) =>
      whole(
        await perSlot<string, string | null>(
          redis,
          tags,
          itself,
          async some => (await redis.send('mget', some, call)) as (string | null)[],
        ),
      ),

    epoch: call => redis.evaluate(epochScript, { epoch }, lifetime(), call),

    async adopt(call, tags, since, keptMs) {
      const present = await redis.evaluate(epochScript, { epoch }, lifetime(), call)
      const versions = whole(
        await perSlot<string, string>(redis, tags, itself, some =>
          redis.evaluate(adoptScript, { tags: some }, { present, ...lifetime(keptMs) }, call),
        ),
      )
      const highest = Math.max(...versions.map(Number))
      if (highest <= Number(since)) return versions
      // One that began by itself, as a declared tag, is above the epoch without having been outdated: the next loads go beyond.
      if (highest > Number(present)) await moveEpoch(call, highest)
      return undefined
    },

    async outdate(call, tags) {
      const least = loaderTags ? await moveEpoch(call, 0) : 0
      whole(
        await perSlot(redis, tags, itself, async some => [
          await redis.evaluate(outdateScript, { tags: some }, { tagTtl, least }, call),
        ]),
      )
    },
  }
}

const itself = (key: string) => key
