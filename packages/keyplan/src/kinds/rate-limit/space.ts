import type { CallOptions } from '../../base/call.ts'
import type { Clock } from '../../base/clock.ts'
import { isKeyplanError } from '../../base/error.ts'
import type { Guarded } from '../../guard/guarded.ts'
import { createGather } from '../../mechanisms/gather.ts'
import type { Server } from '../kind.ts'
import type { RateLimitResult } from './contract.ts'
import type { Counters } from './counters.ts'
import type { Line } from './line.ts'
import type { Merge } from './merge.ts'
import type { Near } from './near.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { Home, RateLimitStore, Request } from './store.ts'

/** What a namespace is made of when it is open. */
export interface SpaceParts {
  readonly home: Home
  readonly store: Guarded<RateLimitStore>
  readonly clock: Clock
  readonly line: Line
  readonly counters: Counters
  readonly near: Near | undefined
  readonly merge: Merge | undefined
  /** Names the server that has a key, on a cluster. */
  readonly lane: Server['lane'] | undefined
  /** What all namespaces of one client have in common: only those can be consumed together. */
  readonly client: object
}

/** An open namespace, as its limits use it: asking for a request gathers it, notes the answer and counts it. */
export interface Space extends SpaceParts {
  ask(options: CallOptions | undefined, request: Request): Promise<RateLimitResult>
  /** `ask` of what `denial` has no answer to: a request that takes units of one limit. */
  take(request: Request): Promise<RateLimitResult>
  /** The answer without asking, where this process knows that the key is used up. Counted. */
  denial(key: string, policy: RateLimitPolicy, cost: number): Promise<RateLimitResult> | undefined
  /** Sends what is gathered, so that what follows keeps its place in the order. */
  flush(): void
}

/** Most requests of one script call. Measured: with 16 the server works a tenth longer for each, more than 32 gain little. */
const gathered = 32

export function createSpace(parts: SpaceParts): Space {
  const { store, lane, near, merge, counters } = parts
  const gather = createGather<Request, RateLimitResult>({
    max: gathered,
    lane: lane && (({ key }) => lane(key)),
    run: requests => decide(undefined, requests),
    // The server refuses a call for the sake of one key; the others are asked again without it.
    separable: error => isKeyplanError(error, 'NO_PERMISSION') || isKeyplanError(error, 'CROSS_SLOT'),
  })

  const decide = (options: CallOptions | undefined, requests: readonly Request[]) =>
    requests.some(changes) ? store.consume(options, requests) : store.peek(options, requests)

  /** A call with terms of its own is not held up, or held to, those of others. */
  async function decideAlone(options: CallOptions, request: Request): Promise<RateLimitResult> {
    gather.flush()
    const [decision] = await decide(options, [request])
    if (decision instanceof Error) throw decision
    return noted(decision!, request)
  }

  function noted(answer: RateLimitResult, request: Request): RateLimitResult {
    if (request.cost > 0 && !request.forced) counters.answered(request.key, answer)
    if (merge?.owes && !answer.degraded) merge.settle(requests => store.consume(undefined, requests))
    return answer
  }

  function send(options: CallOptions | undefined, request: Request): Promise<RateLimitResult> {
    if (options?.signal === undefined && options?.deadline === undefined) return gather.mapped(request, noted)
    return decideAlone(options, request)
  }

  async function sendNoted(nearby: Near, options: CallOptions | undefined, request: Request): Promise<RateLimitResult> {
    const mark = nearby.mark()
    const answer = await send(options, request)
    if (!answer.allowed && !answer.degraded) nearby.note(mark, request, answer)
    return answer
  }

  function denial(key: string, policy: RateLimitPolicy, cost: number): Promise<RateLimitResult> | undefined {
    const found = near?.denial(key, policy, cost)
    if (!found) return undefined
    counters.deniedNear(key)
    return Promise.resolve(found)
  }

  return {
    ...parts,
    flush: gather.flush,
    denial,
    take: request => (near ? sendNoted(near, undefined, request) : send(undefined, request)),
    ask(options, request) {
      if (!near || request.cost <= 0 || request.forced || request.joined) return send(options, request)
      return denial(request.key, request.policy, request.cost) ?? sendNoted(near, options, request)
    },
  }
}

const changes = ({ cost, more }: Request) => cost !== 0 || (more?.some(part => part.cost !== 0) ?? false)
