import type { Clock } from '../base/clock.ts'
import type { Redis } from '../redis/redis.ts'
import { script } from '../redis/script.ts'
import { clockNow } from './lease/fence.ts'
import { createSource } from './source.ts'

/** How many processes are alive. */
export interface Instances {
  /** As many as there were when Redis was last asked, this one included. */
  readonly count: number
  close(): Promise<void>
}

const beatMs = 5_000

/** Who is silent for so long is dead. */
const leaseMs = 3 * beatMs

/**
 * One sorted set of names by when they were last heard, on the clock of the server: whoever beats drops the dead and
 * counts the others. The set ends with the last of them.
 */
export const beatScript = script({
  name: 'instances.beat',
  keys: ['key'],
  args: ['name', 'lease'],
  reply: Number,
  lua: `
${clockNow}
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now - lease))
redis.call('ZADD', key, string.format('%.0f', now), name)
redis.call('PEXPIRE', key, lease)
return redis.call('ZCARD', key)
`,
})

/** Says every 5 s that this process is alive, as long as it is open. What cannot be asked stays as it was. */
export function createInstances(
  redis: Pick<Redis, 'evaluate' | 'send'>,
  key: string,
  name: string,
  clock: Clock,
): Instances {
  let count = 1
  let begun = false
  const terms = { expires: 0, hold: true, written: 0 }

  const source = createSource({
    namespace: key,
    name: 'count of processes',
    clock,
    async turn({ signal }) {
      // Let what is opened in this tick be open before the first.
      if (!begun) {
        begun = true
        return 1
      }
      const call = { ...terms, expires: clock.now() + beatMs, signal }
      count = await redis.evaluate(beatScript, { key }, { name, lease: leaseMs }, call)
      return beatMs
    },
    // What cannot be asked stays as it was.
    notify: () => {},
  })

  return {
    get count() {
      return Math.max(1, count)
    },
    async close() {
      await source.close(0)
      await redis.send('zrem', [key, name], { ...terms, expires: clock.now() + beatMs, hold: false }).catch(() => {})
    },
  }
}
