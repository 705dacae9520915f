import type { Call } from '../../base/call.ts'
import { isUnavailable, type KeyplanError } from '../../base/error.ts'
import { perSlot } from '../../mechanisms/per-slot.ts'
import { replyFailure } from '../../redis/failure.ts'
import type { Redis } from '../../redis/redis.ts'
import type { Decision, RateLimitStore } from './contract.ts'
import { fixedWindowResult, windowShape } from './fixed-window.ts'
import type { RateLimitPolicy } from './policy.ts'
import { type Figures, fixedWindowScript, slidingWindowScript, tokenBucketScript } from './scripts.ts'
import { slidingWindowResult } from './sliding-window.ts'
import { tokenBucketResult } from './token-bucket.ts'

type Server = Pick<Redis, 'send' | 'evaluate' | 'slot'>

const onlyOnes: readonly number[] = []

export function createRedisRateLimitStore(redis: Server): RateLimitStore {
  const consume: RateLimitStore['consume'] = (call, keys, costs, policy) => {
    const decide = deciders[policy.algorithm]
    if (costs.every(isOne)) return perSlot(redis, keys, itself, part => decide(redis, call, part, onlyOnes, policy))
    const requests = keys.map((key, index) => ({ key, cost: costs[index]! }))
    return perSlot(redis, requests, keyOf, part => decide(redis, call, part.map(keyOf), part.map(costOf), policy))
  }
  return {
    consume,
    peek: (call, keys, policy) => consume(call, keys, new Array<number>(keys.length).fill(0), policy),
    async reset(call, key) {
      await redis.send('del', [key], call)
    },
  }
}

const isOne = (cost: number) => cost === 1
const itself = (key: string) => key
const keyOf = ({ key }: { key: string }) => key
const costOf = ({ cost }: { cost: number }) => cost

type Decide = (
  redis: Server,
  call: Call,
  keys: readonly string[],
  costs: readonly number[],
  policy: RateLimitPolicy,
) => Promise<readonly Decision[]>

const deciders: Readonly<Record<RateLimitPolicy['algorithm'], Decide>> = {
  async 'fixed-window'(redis, call, keys, costs, policy) {
    const { grain, length, cycle } = windowShape(policy)
    const args = { limit: policy.limit, window: policy.windowMs, length, grain, cycle, costs }
    const reply = await redis.evaluate(fixedWindowScript, { keys }, args, call, 'bytes')
    return decisions(reply, 2, (fits, used, at) =>
      fixedWindowResult(fits, used, Math.min(policy.windowMs, reply.at(at + 1) * grain), policy),
    )
  },
  async 'sliding-window'(redis, call, keys, costs, policy) {
    const args = { limit: policy.limit, window: policy.windowMs, costs }
    const reply = await redis.evaluate(slidingWindowScript, { keys }, args, call, 'bytes')
    return decisions(reply, 3, (fits, current, at) => {
      const [previous, elapsed] = [reply.at(at + 1), reply.at(at + 2)]
      return slidingWindowResult(fits, current, previous, elapsed, asked(costs, at / 3), policy)
    })
  },
  async 'token-bucket'(redis, call, keys, costs, policy) {
    const args = { limit: policy.limit, window: policy.windowMs, capacity: policy.capacity, costs }
    const reply = await redis.evaluate(tokenBucketScript, { keys }, args, call, 'bytes')
    return decisions(reply, 1, (fits, level, at) => tokenBucketResult(fits, level, asked(costs, at), policy))
  },
}

/** What must fit: a cost of 0 asks whether one unit would. */
const asked = (costs: readonly number[], index: number) => costs[index] || 1

/**
 * @param width figures for each key
 * @throws KeyplanError when the server serves no key now: the guard must see it
 */
function decisions(
  reply: Figures,
  width: number,
  read: (fits: boolean, figure: number, at: number) => Decision,
): readonly Decision[] {
  const list = new Array<Decision>(reply.count / width)
  for (let at = 0, index = 0; at < reply.count; at += width, index++) {
    const figure = reply.at(at)
    const failure = reply.failures?.get(index)
    if (failure !== undefined) list[index] = keyFailure(failure)
    else list[index] = figure < 0 ? read(false, -1 - figure, at) : read(true, figure, at)
  }
  return list
}

function keyFailure(text: string): KeyplanError {
  const failure = replyFailure(text)
  if (isUnavailable(failure)) throw failure
  return failure
}
