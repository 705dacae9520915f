import { type CallOptions, checkOptions } from '../../base/call.ts'
import { type Duration, durationMs } from '../../base/duration.ts'
import { KeyplanError, kindOf, shown } from '../../base/error.ts'
import { amountIn, costIn, invalid } from './amounts.ts'
import { combined } from './answer.ts'
import type { ConsumeOptions, RateLimit, RateLimitResult } from './contract.ts'
import { completed, type Member, partOf, refused, requestOf, unlimited } from './member.ts'
import type { RateLimitPolicy } from './policy.ts'
import type { Request } from './store.ts'

/** What one or several members are asked. A class, since one is made for every call and its methods must not be. */
export class Limit implements RateLimit {
  readonly #first: Member
  readonly #others: readonly Member[] | undefined

  constructor(first: Member, others: readonly Member[] | undefined) {
    this.#first = first
    this.#others = others
  }

  consume(options?: ConsumeOptions): Promise<RateLimitResult> {
    const { space, policy, guest, more } = this.#first
    // The common call: one unit of one limit.
    if (options === undefined && !this.#others && !guest && more.length === 0 && policy.scale <= policy.capacity) {
      const denial = space.denial(this.#first.key, policy, policy.scale)
      return denial ?? space.take(partOf(this.#first, policy.scale, false))
    }
    return this.#consumeBy(options ?? {})
  }

  async #consumeBy(options: ConsumeOptions): Promise<RateLimitResult> {
    checkOptions(options, ['cost', 'wait'])
    const { cost = 1, wait, ...own } = options
    const request = this.#request(policy => costIn(cost, policy), false)
    if (!request || 'allowed' in request) return this.#counted(request ?? this.#unlimited())
    const { space } = this.#first
    if (wait === undefined) return this.#ask(own, request)
    const waitMs = durationMs(wait, 'wait', shown)
    if (own.deadline !== undefined) throw invalid('wait and deadline stand together; a waiting call ends with its wait')
    const name = this.#name()
    // Those of joined limits wait by the keys of all of them, and each may be given back by itself.
    const deaf = this.#others && this.#members().map(one => one.space.line.hear(one.key, () => space.line.ring(name)))
    try {
      return await space.line.wait(name, {
        waitMs,
        signal: own.signal,
        ask: () => this.#ask(own, request),
        late: async () => deniedNow(await this.peek(own)),
      })
    } finally {
      for (const stop of deaf ?? []) stop()
    }
  }

  async peek(options?: CallOptions): Promise<RateLimitResult> {
    if (options !== undefined) checkOptions(options)
    const request = this.#request(() => 0, false)
    if (!request || 'allowed' in request) return request ?? this.#unlimited()
    return this.#ask(options, request)
  }

  penalty(units = 1, options?: CallOptions): Promise<RateLimitResult> {
    return this.#force(units, 1, 'a penalty', options)
  }

  async reward(units = 1, options?: CallOptions): Promise<RateLimitResult> {
    this.#forget()
    try {
      return await this.#force(units, -1, 'a reward', options)
    } finally {
      this.#released()
    }
  }

  async block(duration?: Duration, options?: CallOptions): Promise<RateLimitResult> {
    if (options !== undefined) checkOptions(options)
    const { space, policy } = this.#first
    const request = this.#request(() => 0, true)
    if (!policy.block || this.#others) {
      const what = this.#others ? 'Limits that are consumed together' : `Keys of ${space.home.name}`
      const remedy = this.#others ? 'block one of them' : "declare block: { for: '10m' }"
      throw new KeyplanError('UNSUPPORTED', `${what} cannot be blocked; ${remedy}`, { outcome: 'not-executed' })
    }
    const forMs = duration === undefined ? policy.block.forMs : durationMs(duration, 'duration', shown)
    if (!request || 'allowed' in request) return request ?? this.#unlimited()
    space.flush()
    const lasts = await space.store.block(options, request, forMs)
    const limit = policy.capacity / policy.scale
    return { allowed: lasts === 0, limit, remaining: 0, resetMs: lasts, retryAfterMs: lasts }
  }

  async reset(options?: CallOptions): Promise<void> {
    if (options !== undefined) checkOptions(options)
    this.#forget()
    try {
      await Promise.all(
        this.#members().map(member => {
          member.space.flush()
          return member.space.store.reset(
            options,
            requestOf([member], () => 0, true),
          )
        }),
      )
    } finally {
      this.#released()
    }
  }

  with(...others: readonly RateLimit[]): RateLimit {
    const members = [...this.#members(), ...others.flatMap(Limit.#membersOf)]
    for (const { space } of members) {
      if (space.client === this.#first.space.client) continue
      throw invalid('with() was given a limit of another client; only those of one are consumed in one step')
    }
    const keys = members.flatMap(({ key, more }) => [key, ...more.map(other => other.key)])
    if (new Set(keys).size < keys.length) throw invalid('with() was given the same key twice; name each once')
    if (keys.length > mostKeys) throw invalid(`with() makes ${keys.length} limits of it; at most ${mostKeys} are`)
    const [first, ...rest] = members
    return new Limit(first!, rest.length > 0 ? rest : undefined)
  }

  static #membersOf(limit: RateLimit): readonly Member[] {
    if (typeof limit === 'object' && limit !== null && #first in limit) return limit.#members()
    throw invalid(`with() was given ${kindOf(limit)}; give it limits, such as redis.perUser({ user })`)
  }

  #members(): readonly Member[] {
    return this.#others ? [this.#first, ...this.#others] : [this.#first]
  }

  #name(): string {
    return this.#others
      ? this.#members()
          .map(({ key }) => key)
          .join('\n')
      : this.#first.key
  }

  /** What is left to ask, undefined for nothing at all, or the answer where a list denies. */
  #request(costOf: (policy: RateLimitPolicy) => number, forced: boolean): Request | RateLimitResult | undefined {
    const members = this.#members()
    for (const { policy, more } of members) {
      costOf(policy)
      for (const other of more) costOf(other.policy)
    }
    const denied = members.some(({ guest }) => guest === 'denied')
    if (denied && !forced) return combined(refused(members))
    const asked = members.filter(({ guest }) => guest !== 'allowed')
    return asked.length > 0 ? requestOf(asked, costOf, forced, this.#others !== undefined) : undefined
  }

  #unlimited(): RateLimitResult {
    return combined(unlimited(this.#members()))
  }

  #ask(options: CallOptions | undefined, request: Request): Promise<RateLimitResult> {
    const answer = this.#first.space.ask(options, request)
    const members = this.#others && this.#members()
    if (!members?.some(({ guest }) => guest === 'allowed')) return answer
    return answer.then(one => completed(members, one))
  }

  #counted(answer: RateLimitResult): RateLimitResult {
    const { space, key } = this.#first
    if (!answer.allowed) space.counters.deniedNear(key)
    return answer
  }

  async #force(units: number, sign: 1 | -1, what: string, options?: CallOptions): Promise<RateLimitResult> {
    if (options !== undefined) checkOptions(options)
    const request = this.#request(policy => sign * amountIn(units, policy, what), true)
    if (!request || 'allowed' in request) return request ?? this.#unlimited()
    return this.#ask(options, request)
  }

  /** Who waits asks Redis again, and not what was known here before. */
  #released(): void {
    this.#forget()
    for (const { space, key } of this.#members()) space.line.ring(key)
  }

  #forget(): void {
    for (const { space, key } of this.#members()) space.near?.forget(key)
  }
}

/** Of one request. */
const mostKeys = 16

const deniedNow = (answer: RateLimitResult): RateLimitResult => ({
  ...answer,
  allowed: false,
  retryAfterMs: Math.max(1, answer.retryAfterMs),
})
