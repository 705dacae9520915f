import type { Call } from '../../base/call.ts'
import { type Announcement, announcementArguments } from '../../mechanisms/log/announcement.ts'
import type { Redis } from '../../redis/redis.ts'
import { countScript } from './finding/count-script.ts'
import { findScript, getScript } from './finding/find-scripts.ts'
import { pickScript } from './finding/pick-script.ts'
import { beatScript } from './membership/beat-script.ts'
import { leaveScript } from './membership/leave-script.ts'
import { putScript } from './membership/put-script.ts'
import type { RegistryNames } from './names.ts'
import type { RegistrySettings } from './settings.ts'
import { lingerMs, type RegistryStore, type Standing, type Sweep, swept } from './store.ts'

/** @param told hears what each step did beside its own work */
export function createRedisRegistryStore(
  redis: Pick<Redis, 'evaluate'>,
  names: RegistryNames,
  { leaseMs, terms }: RegistrySettings,
  told: (sweep: Sweep) => void,
): RegistryStore {
  const { count, ageMs: age, bytes, ttlMs: ttl, renew } = terms
  const kept = { count, age, bytes, ttl, renew: renew ? 1 : 0 }

  const argumentsOf = (announcement: Announcement | undefined, most: number) => {
    const [command = '', channel = '', announcelog = '', acount = '', aage = '', abytes = '', attl = '', arenew = ''] =
      announcementArguments(announcement)
    const announced = { command, channel, announcelog, acount, aage, abytes, attl, arenew }
    return { lease: leaseMs, linger: lingerMs(leaseMs), cutoff: 0, most, ...kept, ...announced }
  }
  const reading = (announcement: Announcement | undefined) => argumentsOf(announcement, swept.other)
  const beating = (announcement: Announcement | undefined) => argumentsOf(announcement, swept.beat)

  async function tell<Done extends Sweep>(step: Promise<Done>): Promise<Done> {
    const done = await step
    if (done.expired > 0 || done.unannounced) told(done)
    return done
  }
  const standing = (members: readonly Standing[]) => members.flatMap(({ id, token }) => [id, token])

  return {
    async put(call, puts) {
      const [{ key, announcement }] = puts as [(typeof puts)[0]]
      const items = puts.flatMap(({ mode, entry: { id, token, load, terms: found, head, metadata } }) => [
        mode,
        id,
        token,
        load,
        found.join(','),
        `${head}\n${metadata}`,
      ])
      const args = { ...beating(announcement), items }
      return (await tell(redis.evaluate(putScript, names.keys(key), args, call))).results
    },
    beat(call: Call, { key, announcement }, members, cutOff) {
      const args = { ...beating(announcement), cutoff: cutOff ? 1 : 0, items: standing(members) }
      return tell(redis.evaluate(beatScript, names.keys(key), args, call))
    },
    async leave(call, { key, announcement }, members) {
      const args = { ...beating(announcement), items: standing(members) }
      return tell(redis.evaluate(leaveScript, names.keys(key), args, call))
    },
    async find(call, { key, announcement }, { terms: wanted, order, limit, after = '' }) {
      const args = { ...reading(announcement), order, limit, after, terms: wanted }
      return (await tell(redis.evaluate(findScript, names.keys(key), args, call))).found
    },
    async pick(call, { key, announcement }, { terms: wanted, order }) {
      const args = { ...reading(announcement), order, terms: wanted }
      return (await tell(redis.evaluate(pickScript, names.keys(key), args, call))).found
    },
    async get(call, { key, announcement }, id) {
      return (await tell(redis.evaluate(getScript, names.keys(key), { ...reading(announcement), id }, call))).found
    },
    async count(call, { key, announcement }, wanted) {
      const args = { ...reading(announcement), terms: wanted }
      return (await tell(redis.evaluate(countScript, names.keys(key), args, call))).number
    },
  }
}
