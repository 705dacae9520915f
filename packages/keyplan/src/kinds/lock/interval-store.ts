import type { Call } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import type { Operations } from '../../guard/operation.ts'
import type { Redis } from '../../redis/redis.ts'
import { script } from '../../redis/script.ts'
import type { LockNames } from './names.ts'

/** The interval that it is now, by the server's clock: the epoch is cut into pieces of one length. */
export interface Interval {
  readonly number: number
  /** It is marked as done. */
  readonly done: boolean
  /** It was marked by who asks. */
  readonly mine: boolean
  /** Milliseconds until the next one begins. */
  readonly nextMs: number
}

/** Each step is atomic. */
export interface IntervalStore {
  look(call: Call, key: string, lengthMs: number): Promise<Interval>
  /**
   * Marks an interval as done, by default the one that it is now, for the holder with this fence.
   * It is not `mine` when another has marked it, or one with a larger fence was here.
   */
  mark(call: Call, key: string, lengthMs: number, fence: bigint, number?: number): Promise<Interval>
}

export const intervalOperations: Operations<IntervalStore> = {
  look: { idempotent: true, write: false },
  mark: { idempotent: true, write: true },
}

/**
 * The mark is `<number>#<fence>`. It lives until the interval after it ends, so that a clock that is set back by less than
 * that brings no second run. Fences are decimals of up to 16 digits, which a Lua number holds exactly.
 */
export const intervalScript = script({
  name: 'lock.interval',
  keys: ['mark'],
  args: ['length', 'fence', 'wanted'],
  reply: (reply): Interval => {
    const [number, done, mine, nextMs] = reply as number[]
    return { number: number!, done: done === 1, mine: mine === 1, nextMs: nextMs! }
  },
  lua: `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local size = tonumber(length)
local current = math.floor(now / size)
local number = tonumber(wanted) or current
local marked, marker = string.match(redis.call('GET', mark) or '', '^(%d+)#(%d+)$')
marked = tonumber(marked) or -1
local mine = 0
if fence ~= '' then
  if marked == number and marker == fence then
    mine = 1
  elseif marked < number and tonumber(marker or 0) < tonumber(fence) then
    mine = 1
    marked = number
    redis.call('SET', mark, string.format('%.0f#%s', number, fence), 'PX', string.format('%.0f', (number + 2) * size - now))
  end
end
return { current, marked >= current and 1 or 0, mine, (current + 1) * size - now }
`,
})

export function createRedisIntervalStore(redis: Pick<Redis, 'evaluate'>, names: LockNames): IntervalStore {
  const run = (call: Call, key: string, lengthMs: number, fence: string, wanted: number | '') =>
    redis.evaluate(intervalScript, { mark: names.mark(key, lengthMs) }, { length: lengthMs, fence, wanted }, call)
  return {
    look: (call, key, lengthMs) => run(call, key, lengthMs, '', ''),
    mark: (call, key, lengthMs, fence, number) => run(call, key, lengthMs, String(fence), number ?? ''),
  }
}

interface Mark {
  readonly number: number
  readonly fence: bigint
}

export function createMemoryIntervalStore(names: LockNames, clock: Clock): IntervalStore {
  const marks = new Map<string, Mark>()
  const at = (lengthMs: number) => {
    const now = clock.wall()
    const number = Math.floor(now / lengthMs)
    return { number, now, nextMs: (number + 1) * lengthMs - now }
  }
  return {
    async look(_, key, lengthMs) {
      const { number, nextMs } = at(lengthMs)
      return { number, nextMs, mine: false, done: (marks.get(names.mark(key, lengthMs))?.number ?? -1) >= number }
    },
    async mark(_, key, lengthMs, fence, wanted) {
      const { number: current, now, nextMs } = at(lengthMs)
      const number = wanted ?? current
      const name = names.mark(key, lengthMs)
      let mark = marks.get(name)
      if (!mark || (mark.number < number && mark.fence < fence)) {
        mark = { number, fence }
        marks.set(name, mark)
        clock.after((number + 2) * lengthMs - now, () => {
          if (marks.get(name) === mark) marks.delete(name)
        })
      }
      const mine = mark.number === number && mark.fence === fence
      return { number: current, nextMs, done: mark.number >= current, mine }
    },
  }
}
