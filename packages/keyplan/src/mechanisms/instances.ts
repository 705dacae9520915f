import type { Call } from '../base/call.ts'
import type { Clock, Timer } from '../base/clock.ts'
import type { Redis } from '../redis/redis.ts'
import { script } from '../redis/script.ts'

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
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
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
  let timer: Timer | undefined
  let closed = false
  const call = (hold: boolean): Call => ({ expires: clock.now() + beatMs, hold, written: 0 })

  async function beat(): Promise<void> {
    try {
      count = await redis.evaluate(beatScript, { key }, { name, lease: leaseMs }, call(true))
    } catch {
      // Whatever keeps Redis from answering, the next beat asks again.
    }
    if (!closed) timer = clock.after(beatMs, () => void beat())
  }
  // Let what is opened in this tick be open before the first.
  timer = clock.after(0, () => void beat())

  return {
    get count() {
      return Math.max(1, count)
    },
    async close() {
      closed = true
      timer?.cancel()
      await redis.send('zrem', [key, name], call(false)).catch(() => {})
    },
  }
}
