import type { Call } from '../../base/call.ts'
import { isUnavailable, KeyplanError } from '../../base/error.ts'
import { perSlot } from '../../mechanisms/per-slot.ts'
import { replyFailure } from '../../redis/failure.ts'
import type { Argument, Redis } from '../../redis/redis.ts'
import { algorithms } from './algorithms.ts'
import { answerOf, combined, perRequest } from './answer.ts'
import type { RateLimitResult } from './contract.ts'
import { policyArguments } from './decide-script.ts'
import type { Figures } from './figures.ts'
import { windowShape } from './fixed-window.ts'
import { fixedWindowScript } from './fixed-window-script.ts'
import type { RateLimitPolicy } from './policy.ts'
import { blockScript, decideScripts, takeScripts } from './scripts.ts'
import { type Decision, type Part, partsOf, type RateLimitStore, type Request } from './store.ts'

type Server = Pick<Redis, 'send' | 'evaluate' | 'slot'>

export function createRedisRateLimitStore(redis: Server): RateLimitStore {
  const isOneSlot = (request: Request) =>
    partsOf(request).every(({ key }) => redis.slot(key) === redis.slot(request.key))

  const decideBySlot = (call: Call, requests: readonly Request[]) =>
    perSlot(redis, requests, keyOf, part => decide(redis, call, part))

  async function consumeSound(call: Call, requests: readonly Request[]): Promise<readonly Decision[]> {
    const sound = requests.filter(isOneSlot)
    const decisions = await decideBySlot(call, sound)
    if (sound.length === requests.length) return decisions
    let at = 0
    return requests.map(request => (isOneSlot(request) ? decisions[at++]! : crossSlot()))
  }

  const consume: RateLimitStore['consume'] = (call, requests) =>
    requests.some(({ more }) => more) ? consumeSound(call, requests) : decideBySlot(call, requests)

  return {
    consume,
    peek: consume,
    async reset(call, request) {
      await redis.send('del', partsOf(request).flatMap(keysOf), call)
    },
    async block(call, { key, blockKey, policy: { block } }, first) {
      const { factor = 1, atMostMs = first, rememberMs = 0 } = block ?? {}
      const args = { first, factor, most: atMostMs, remember: rememberMs }
      return redis.evaluate(blockScript, { key: blockKey ?? key }, args, call)
    },
  }
}

const keyOf = ({ key }: Part) => key
const keysOf = ({ key, blockKey }: Part) => (blockKey === undefined ? [key] : [key, blockKey])

const crossSlot = () =>
  new KeyplanError(
    'CROSS_SLOT',
    'Limits that are consumed together lie in different slots of the cluster; give their patterns the same tag, as in rate:{api}:<ip>',
    { outcome: 'not-executed' },
  )

/** Requests of one slot. */
function decide(redis: Server, call: Call, requests: readonly Request[]): Promise<readonly Decision[]> {
  const [{ policy }] = requests as [Request]
  if (policy.block || !requests.every(request => isPlain(request, policy))) return decideAll(redis, call, requests)
  const costs = requests.every(({ cost }) => cost === 1) ? onlyOnes : requests.map(({ cost }) => cost)
  const take = policy.algorithm === 'fixed-window' ? takeFromWindows : takeAll
  return take(redis, call, requests, policy, costs)
}

const isPlain = (request: Request, policy: RateLimitPolicy) =>
  request.policy === policy && !request.more && !request.forced

const onlyOnes: readonly number[] = []

async function takeFromWindows(
  redis: Server,
  call: Call,
  requests: readonly Request[],
  policy: RateLimitPolicy,
  costs: readonly number[],
) {
  const { grain, length, cycle } = windowShape(policy)
  const args = { limit: policy.limit, window: policy.windowMs, length, grain, cycle, costs }
  const reply = await redis.evaluate(fixedWindowScript, { keys: requests.map(keyOf) }, args, call, 'bytes')
  return requests.map((request, index): Decision => {
    const failure = failureAt(reply, index)
    if (failure) return failure
    const [figure, left] = [reply.at(2 * index), Math.min(policy.windowMs, reply.at(2 * index + 1) * grain)]
    return answerOf(request, false, figure < 0 ? 0 : 1, [figure < 0 ? -1 - figure : figure, left, 0])
  })
}

async function takeAll(
  redis: Server,
  call: Call,
  requests: readonly Request[],
  { algorithm, limit, windowMs, capacity }: RateLimitPolicy,
  costs: readonly number[],
) {
  const args = { limitText: limit, windowText: windowMs, capacityText: capacity, costs }
  const width = 1 + algorithms[algorithm].lua.figures.length
  const reply = await redis.evaluate(takeScripts[algorithm], { keys: requests.map(keyOf) }, args, call, 'bytes')
  return requests.map((request, index) => failureAt(reply, index) ?? answerAt(reply, width, index, request, false))
}

/** @param width figures of each key */
function answerAt(reply: Figures, width: number, index: number, part: Part, forced: boolean): RateLimitResult {
  const at = index * width
  const figure = (place: number) => (place < width ? reply.at(at + place) : 0)
  return answerOf(part, forced, figure(0), [figure(1), figure(2), figure(3)])
}

/** Of the script that knows all. */
const fullWidth = 4

async function decideAll(redis: Server, call: Call, requests: readonly Request[]): Promise<readonly Decision[]> {
  const { keys, args, algorithm } = argumentsOf(requests)
  const reply = await redis.evaluate(decideScripts[algorithm], { keys }, { args }, call, 'bytes')
  let place = 0
  return perRequest(requests, (request, at): Decision => {
    const failure = failureAt(reply, place++)
    if (failure) return failure
    if (!request.more) return answerAt(reply, fullWidth, at, request, request.forced)
    return combined(partsOf(request).map((part, index) => answerAt(reply, fullWidth, at + index, part, request.forced)))
  })
}

function argumentsOf(requests: readonly Request[]) {
  const policies = new Map<RateLimitPolicy, number>()
  const keys: string[] = []
  const parts: Argument[] = []
  let algorithm: keyof typeof decideScripts = requests[0]!.policy.algorithm
  for (const request of requests) {
    for (const part of partsOf(request)) {
      const { policy, cost } = part
      const place = policies.get(policy) ?? policies.size + 1
      policies.set(policy, place)
      if (policy.algorithm !== algorithm) algorithm = 'mixed'
      keys.push(...keysOf(part))
      parts.push(part === request ? place : -place, request.forced && cost >= 0 ? `+${cost}` : cost)
    }
  }
  const args: Argument[] = [policies.size]
  for (const policy of policies.keys()) args.push(...policyArguments(policy))
  args.push(...parts)
  return { keys, args, algorithm }
}

/** @throws KeyplanError when the server serves no key now: the guard must see it */
function failureAt({ failures }: Figures, index: number): KeyplanError | undefined {
  const text = failures?.get(index)
  if (text === undefined) return undefined
  const failure = replyFailure(text)
  if (isUnavailable(failure)) throw failure
  return failure
}
