import { type CallOptions, checkOptions } from '../../../base/call.ts'
import { type Duration, durationMs } from '../../../base/duration.ts'
import { shown } from '../../../base/error.ts'
import type { Guarded } from '../../../guard/guarded.ts'
import { createClaim, isDoubtful } from '../../../mechanisms/lease/claim.ts'
import type { LeaseSteps, Wanted } from '../../../mechanisms/lease/steps.ts'
import { createUnderWay } from '../../../mechanisms/lease/under-way.ts'
import { createWithdrawals } from '../../../mechanisms/lease/withdrawal.ts'
import type { Wake } from '../../../mechanisms/wake.ts'
import type { Opened, Surroundings } from '../../kind.ts'
import type { RateLimitResult } from '../contract.ts'
import type { Counters } from '../counters.ts'
import { createLine } from '../line.ts'
import type { ConcurrencyCallOptions, ConcurrencyNamespace, ConcurrencySettings, Permit, Refusal } from './contract.ts'
import { holdPermit } from './permit.ts'
import type { ConcurrencyStore, Holding } from './store.ts'

/** The pause until the next try where no notice comes, spread so that processes do not ask together. */
const pollMs = () => 200 + 100 * Math.random()

/** How long closing waits for what is being given back, in milliseconds. */
const longestClose = 500

interface ConcurrencyParts {
  /** Redis with its fallback, or the memory of this process. */
  readonly main: Guarded<ConcurrencyStore>
  /** Where permits are that this process gave by itself. */
  readonly local: Guarded<ConcurrencyStore>
  readonly wakes: readonly Wake[]
  readonly channelOf: (key: string) => string
  readonly counters: Counters
}

export function openConcurrency(
  { limit, leaseMs }: ConcurrencySettings,
  { main, local, wakes, channelOf, counters }: ConcurrencyParts,
  { pattern, clock, instance }: Pick<Surroundings, 'pattern' | 'clock' | 'instance'>,
): Opened<ConcurrencyNamespace> {
  const line = createLine(clock)
  const holding = new Set<Permit>()
  const underWay = createUnderWay(clock)
  const withdraw: LeaseSteps<Wanted>['withdraw'] = (options, { key, claim }) => main.withdraw(options, key, claim)
  const withdrawals = createWithdrawals<Wanted>({ withdraw }, leaseMs, clock, underWay)
  let parting: CallOptions | undefined
  let permits = 0

  function answerOf({ granted, held, firstEndsMs, lastEndsMs, degraded }: Holding): RateLimitResult {
    const retryAfterMs = granted ? 0 : Math.max(1, firstEndsMs)
    const answer = { allowed: granted, limit, remaining: Math.max(0, limit - held), resetMs: lastEndsMs, retryAfterMs }
    return degraded ? { degraded, ...answer } : answer
  }

  async function ask(key: string, options: ConcurrencyCallOptions): Promise<Permit | Refusal> {
    const since = clock.now()
    const claim = createClaim(String(++permits), `${instance}:`)
    /** What it has in Redis, or may get there yet, without anybody's holding it is given back in the background. */
    const settle = (known: boolean) => {
      if (!known || isDoubtful(claim)) withdrawals.start({ key, claim })
    }
    let found: Holding
    try {
      found = await main.acquire(options, key, claim)
    } catch (error) {
      settle(!claim.granted)
      throw error
    }
    if (found.degraded || !found.granted) settle(!claim.granted)
    const answer = answerOf(found)
    counters.answered(key, answer)
    if (!answer.allowed) return { [Symbol.asyncDispose]: async () => {}, ...answer, allowed: false }
    const steps = found.degraded ? local : main
    const permit = holdPermit(answer, {
      steps,
      clock,
      leaseMs,
      key,
      id: claim.owner,
      since,
      ended: () => holding.delete(permit),
      released: found.degraded ? () => {} : settle,
      parting: () => parting,
    })
    holding.add(permit)
    return permit
  }

  async function acquire(key: string, options: ConcurrencyCallOptions): Promise<Permit | Refusal> {
    checkOptions(options, ['wait'])
    const { wait, ...own } = options
    if (wait === undefined) return ask(key, own)
    const waitMs = durationMs(wait as Duration, 'wait', shown)
    const listening = wakes.map(wake => wake.listen(channelOf(key), () => line.ring(key)))
    try {
      return await line.wait(key, {
        waitMs,
        signal: own.signal,
        ask: () => ask(key, own),
        async late() {
          const answer = answerOf(await main.peek(own, key))
          const retryAfterMs = Math.max(1, answer.retryAfterMs)
          return { [Symbol.asyncDispose]: async () => {}, ...answer, allowed: false, retryAfterMs }
        },
        pauseMs: ({ retryAfterMs }) => Math.min(retryAfterMs, pollMs()),
      })
    } finally {
      for (const { close } of listening) close()
    }
  }

  return {
    figures: counters.figures,
    client: params => {
      const key = pattern.format(params)
      return {
        acquire: async (options = {}) => acquire(key, options),
        async peek(options) {
          if (options !== undefined) checkOptions(options)
          return answerOf(await main.peek(options, key))
        },
        async reset(options) {
          if (options !== undefined) checkOptions(options)
          await main.reset(options, key)
        },
      }
    },
    async close() {
      line.close()
      // What cannot be told so quickly ends with its lease.
      parting = { deadline: '500ms' }
      await Promise.all([...holding].map(permit => permit.release()))
      withdrawals.close()
      await underWay.over(longestClose)
    },
  }
}
