import { isKeyplanError, isUnavailable, KeyplanError, kindOf } from '../../base/error.ts'
import type { Json } from '../../base/json.ts'
import type { Once, OnceRun } from '../../kinds/once/contract.ts'
import { withinGrace } from './grace.ts'
import { parseIdempotencyKey } from './key.ts'
import { type ProblemName, problemAnswer } from './problem.ts'
import { type HttpAnswer, openResponse, type ProducedResponse, sealResponse } from './response.ts'
import { idempotencyOf, noteRun } from './runs.ts'
import type { IdempotencySettings } from './settings.ts'

/**
 * An open `once` of bytes whose pattern has the params `caller` and `key`, such as `redis.requests` of
 * `requests: once('idem:<caller>:<key>', { ttl: '24h', onCrash: 'rerun', value: bytes() })`.
 */
export type IdempotencyNamespace = (params: { caller: string; key: string }) => Once<Uint8Array, Uint8Array>

/** A request as every framework can tell it. */
export interface IdempotentRequest {
  /** What its handler is given: the request, or the context. */
  readonly subject: object
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** The field `Idempotency-Key`; several of them joined by commas. */
  readonly key: string | undefined
  /** Who asks: a user or a tenant that was authenticated. The keys of two callers never meet. */
  readonly caller: string | undefined
  /** As it was read: bytes, text, or what a parser made of it. Undefined: not compared. */
  readonly body: unknown
  /** Fires when the client has left: from then on the application has `grace` to answer. Undefined: it is never known. */
  readonly left?: AbortSignal | undefined
}

/** What the application is told while it works. */
export type IdempotentRun = Pick<OnceRun<Uint8Array>, 'token' | 'attempt' | 'signal'>

/** What a framework has to do. */
export type IdempotencyVerdict =
  /** The request is none of those this is about: as if nothing were here. */
  | { readonly kind: 'pass' }
  /** Send what the application has just made. */
  | { readonly kind: 'ran' }
  /** Send this, and not what the application may have made. */
  | { readonly kind: 'answer'; readonly answer: HttpAnswer }

export interface Idempotency {
  /**
   * @param produce lets the application make its response, which is to be held back until the verdict
   * @throws KeyplanError PARAM_INVALID without a caller; what `produce` throws
   */
  handle(request: IdempotentRequest, produce: () => Promise<ProducedResponse>): Promise<IdempotencyVerdict>
}

/** Thrown through `once`, which then does not remember the operation as done. */
class NotKept extends Error {
  constructor(status: number) {
    super(`the response was ${status}`)
    this.name = 'NotKept'
  }
}

export function createIdempotency(namespace: IdempotencyNamespace, settings: IdempotencySettings): Idempotency {
  const { required, methods, headers, keep, wait, graceMs, problemType } = settings
  if (typeof namespace !== 'function') {
    const given = `idempotency was given ${kindOf(namespace)}`
    throw new KeyplanError('PARAM_INVALID', `${given}; give an open once, such as redis.requests`)
  }
  const problem = (name: ProblemName): IdempotencyVerdict => ({
    kind: 'answer',
    answer: problemAnswer(name, problemType),
  })

  function addressOf(request: IdempotentRequest): { caller: string; key: string } | ProblemName | undefined {
    const given = parseIdempotencyKey(request.key)
    if (given.state === 'invalid') return 'invalid'
    if (given.state === 'missing') return required ? 'missing' : undefined
    const { caller } = request
    if (typeof caller === 'string' && caller !== '') return { caller, key: given.key }
    const remedy = 'name who asks, so that the keys of two users never meet'
    throw new KeyplanError('PARAM_INVALID', `idempotency: the caller is ${kindOf(caller)}; ${remedy}`)
  }

  async function run(
    address: { caller: string; key: string },
    request: IdempotentRequest,
    produce: () => Promise<ProducedResponse>,
  ): Promise<IdempotencyVerdict> {
    let produced: ProducedResponse | undefined
    async function work(run: IdempotentRun): Promise<Uint8Array> {
      produced = await withinGrace(request.left, graceMs, run, told => {
        noteRun(request.subject, told)
        return produce()
      })
      if (!keep(produced.status)) throw new NotKept(produced.status)
      return sealResponse(produced, headers)
    }
    try {
      const answer = await namespace(address).tryRun(work, { payload: payloadOf(request), wait })
      if (answer.state !== 'done') return problem(answer.state)
      return answer.replayed ? { kind: 'answer', answer: openResponse(answer.result) } : { kind: 'ran' }
    } catch (error) {
      if (produced) {
        // What the application has done is true, whether or not it could be noted.
        if (error instanceof NotKept || isOutOfReach(error)) return { kind: 'ran' }
        if (isKeyplanError(error, 'ONCE_LOST')) return problem('lost')
      } else if (isOutOfReach(error)) return problem('unavailable')
      throw error
    }
  }

  return {
    async handle(request, produce) {
      // Such as for the whole application and for one of its routes: to the second one the first would be another request.
      if (idempotencyOf(request.subject)) return { kind: 'pass' }
      if (!methods.has(request.method.toUpperCase())) return { kind: 'pass' }
      const address = addressOf(request)
      if (address === undefined) return { kind: 'pass' }
      return typeof address === 'string' ? problem(address) : run(address, request, produce)
    },
  }
}

/** A process that ends closes its client while requests are still at work: to them it is as if Redis were away. */
const isOutOfReach = (error: unknown): boolean => isUnavailable(error) || isKeyplanError(error, 'CLOSED')

/** The same key on another path is another request. */
function payloadOf({ method, target, body }: IdempotentRequest): Json {
  const comparable = body instanceof Uint8Array ? Buffer.from(body).toString('base64') : body
  return { method: method.toUpperCase(), target, body: (comparable ?? null) as Json }
}
