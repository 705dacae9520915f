import { type CallOptions, checkOptions } from '../../../base/call.ts'
import { type Duration, durationMs } from '../../../base/duration.ts'
import { shown } from '../../../base/error.ts'
import type { Guarded } from '../../../guard/guarded.ts'
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
  let parting: CallOptions | undefined
  let permits = 0

  function answerOf({ granted, held, firstEndsMs, lastEndsMs, degraded }: Holding): RateLimitResult {
    const retryAfterMs = granted ? 0 : Math.max(1, firstEndsMs)
    const answer = { allowed: granted, limit, remaining: Math.max(0, limit - held), resetMs: lastEndsMs, retryAfterMs }
    return degraded ? { ...answer, degraded } : answer
  }

  async function ask(key: string, options: ConcurrencyCallOptions): Promise<Permit | Refusal> {
    const since = clock.now()
    const id = `${instance}:${++permits}`
    let found: Holding
    try {
      found = await main.acquire(options, key, id)
    } catch (error) {
      // It may have been given all the same: nobody would hold it.
      main.release(undefined, key, id).catch(() => {})
      throw error
    }
    const answer = answerOf(found)
    counters.answered(key, answer)
    if (!answer.allowed) return { ...answer, allowed: false, [Symbol.asyncDispose]: async () => {} }
    const steps = found.degraded ? local : main
    const permit = holdPermit(answer, {
      ...{ steps, clock, leaseMs, key, id, since },
      ended: () => holding.delete(permit),
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
          return { ...answer, allowed: false, retryAfterMs, [Symbol.asyncDispose]: async () => {} }
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
    },
  }
}
