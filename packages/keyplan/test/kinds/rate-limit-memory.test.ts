import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { handClock } from '../../src/base/clock.ts'
import { formatDuration } from '../../src/base/duration.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import type { Opened } from '../../src/kinds/kind.ts'
import type { RateLimitNamespace, RateLimitResult } from '../../src/kinds/rate-limit/contract.ts'
import { rateLimit } from '../../src/kinds/rate-limit/declaration.ts'
import { createLedger } from '../../src/kinds/rate-limit/ledger.ts'
import { createMemoryRateLimitStore } from '../../src/kinds/rate-limit/memory.ts'
import { openRates } from '../../src/kinds/rate-limit/open.ts'
import { hasBurst, type RateLimitPolicy } from '../../src/kinds/rate-limit/policy.ts'
import type { RateLimitStore } from '../../src/kinds/rate-limit/store.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import {
  algorithms,
  type LimitOptions,
  type RateLimitHarness,
  rateLimitConformance,
} from '../conformance/rate-limit.ts'
import { homeOf, requests } from './rate-limit-requests.ts'

const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

rateLimitConformance('memory', async (): Promise<RateLimitHarness> => {
  const clock = handClock()
  const bare = createBareGuard()
  const opened = new Map<string, Opened<RateLimitNamespace>>()
  const open = (options: LimitOptions, source = 'limit:<id>'): RateLimitNamespace => {
    // Clients of one process know nothing of each other, and count in the same place.
    const name = `${source} ${JSON.stringify(options)}`
    const surroundings = { name: 'limits', clock, instance: 'one', server: undefined, bare, notify: () => {} }
    const found =
      opened.get(name) ??
      openRates(rateLimit<string, string>(source, options), { ...surroundings, pattern: parsePattern(source) })
    opened.set(name, found)
    return found.client
  }
  return {
    client: async options => open(options),
    pair: async (one, other) => [open(one, 'limit:{x}:<id>'), open(other, 'other:{x}:<id>')],
    advance: ms => clock.advance(ms),
    async close() {
      for (const one of opened.values()) await one.close()
    },
  }
})

/** A history of requests on one key: what was consumed when, or with a negative cost given back. */
interface Consumed {
  readonly at: number
  readonly cost: number
}

const steps = fc.array(
  fc.record({
    pause: fc.oneof(fc.constant(0), fc.integer({ max: 40, min: 0 }), fc.integer({ max: 400, min: 0 })),
    cost: fc.integer({ min: 0, max: 6 }),
  }),
  { maxLength: 120 },
)

const policies = (algorithm: RateLimitPolicy['algorithm']) =>
  fc
    .record({
      limit: fc.integer({ min: 1, max: 20 }),
      windowMs: fc.integer({ min: 1, max: 300 }),
      burst: fc.integer({ min: 1, max: 20 }),
    })
    .map(
      ({ limit, windowMs, burst }): RateLimitPolicy =>
        rateLimit('limit:<id>', {
          limit,
          window: formatDuration(windowMs),
          algorithm,
          ...(hasBurst(algorithm) && { burst }),
        } as LimitOptions).options.policies[0]!,
    )

async function play(
  policy: RateLimitPolicy,
  moves: readonly { pause: number; cost: number }[],
  look: (result: RateLimitResult, now: number, cost: number, ask: Ask) => void | Promise<void> = () => {},
): Promise<Consumed[]> {
  let elapsed = 0
  const store = createMemoryRateLimitStore({ ...handClock(), now: () => elapsed })
  const home = homeOf()
  const consumed: Consumed[] = []
  for (const { pause, cost } of moves) {
    if (cost > policy.capacity) continue
    elapsed += pause
    const asked = requests(home, policy, ['k'], [cost]).map(request => ({ ...request, forced: cost < 0 }))
    const [result] = (await store.consume(call, asked)) as RateLimitResult[]
    if (result!.allowed || cost < 0) consumed.push({ at: elapsed, cost })
    expect(result!.remaining).toBeGreaterThanOrEqual(0)
    expect(result!.remaining).toBeLessThanOrEqual(policy.capacity)
    await look(result!, elapsed, cost, async ahead => {
      elapsed += ahead
      const [peeked] = (await store.peek(call, requests(home, policy, ['k'], [0]))) as RateLimitResult[]
      elapsed -= ahead
      return peeked!
    })
  }
  return consumed
}

/** Peeks as if so many milliseconds had passed. */
type Ask = (ahead: number) => Promise<RateLimitResult>

const sum = (list: readonly Consumed[]) => list.reduce((total, { cost }) => total + cost, 0)
const between = (list: readonly Consumed[], from: number, to: number) =>
  sum(list.filter(({ at }) => at >= from && at <= to))

describe('rate limit arithmetic', () => {
  test('fixed window: no window that begins with its first unit passes more than the limit', async () => {
    await fc.assert(
      fc.asyncProperty(policies('fixed-window'), steps, async (policy, moves) => {
        let start = Number.NEGATIVE_INFINITY
        let inside = 0
        for (const { at, cost } of await play(policy, moves)) {
          if (cost === 0) continue
          if (at >= start + policy.windowMs) [start, inside] = [at, 0]
          inside += cost
          expect(inside).toBeLessThanOrEqual(policy.limit)
        }
      }),
    )
  })

  test('sliding window: the limit in each aligned window, and the stated bound in any stretch', async () => {
    await fc.assert(
      fc.asyncProperty(policies('sliding-window'), steps, async (policy, moves) => {
        const { limit, windowMs } = policy
        const consumed = await play(policy, moves)
        for (const { at } of consumed) {
          const elapsed = at % windowMs
          expect(between(consumed, at - elapsed, at)).toBeLessThanOrEqual(limit)
          const stretch = between(consumed, at - windowMs + 1, at)
          expect(stretch * windowMs).toBeLessThanOrEqual(limit * (windowMs + elapsed))
        }
      }),
    )
  })

  test('sliding log: no stretch of the window’s length passes more than the limit, and none that fits is denied', async () => {
    await fc.assert(
      fc.asyncProperty(policies('sliding-log'), steps, async (policy, moves) => {
        const { limit, windowMs } = policy
        const taken: Consumed[] = []
        await play(policy, moves, ({ allowed }, at, cost) => {
          const inView = between(taken, at - windowMs + 1, at)
          expect(allowed).toBe(inView + (cost || 1) <= limit)
          if (allowed) taken.push({ at, cost })
        })
      }),
    )
  })

  test.each(['token-bucket', 'gcra'] as const)(
    '%s: any stretch passes at most the burst and the refill',
    async algorithm => {
      await fc.assert(
        fc.asyncProperty(policies(algorithm), steps, async (policy, moves) => {
          const { limit, windowMs, capacity } = policy
          const consumed = await play(policy, moves)
          for (let first = 0; first < consumed.length; first++) {
            for (let last = first; last < consumed.length; last++) {
              const span = consumed[last]!.at - consumed[first]!.at
              const passed = sum(consumed.slice(first, last + 1))
              expect(passed * windowMs).toBeLessThanOrEqual(capacity * windowMs + limit * span)
            }
          }
        }),
      )
    },
  )

  test.each(algorithms)(
    '%s: with rewards whenever they come, a window passes its limit and what was given back in it',
    async algorithm => {
      const rewarding = fc.array(
        fc.record({ pause: fc.integer({ min: 0, max: 200 }), cost: fc.integer({ min: -8, max: 6 }) }),
        { maxLength: 80 },
      )
      await fc.assert(
        fc.asyncProperty(policies(algorithm), rewarding, async (policy, moves) => {
          const { limit, windowMs, capacity } = policy
          const moved = await play(policy, moves)
          // Windows begin with their first unit, are aligned, or are any stretch.
          let opened = Number.NEGATIVE_INFINITY
          for (const { at, cost } of moved) {
            if (cost > 0 && at >= opened + windowMs) opened = at
            if (cost <= 0) continue
            const from = { 'fixed-window': opened, 'sliding-window': at - (at % windowMs) }[algorithm as string]
            const begin = from ?? at - windowMs + 1
            const refilled = hasBurst(algorithm) ? (limit * (at - begin)) / windowMs : 0
            // What has passed less what was given back.
            expect(between(moved, begin, at)).toBeLessThanOrEqual(capacity + refilled)
          }
        }),
      )
    },
  )

  test.each(algorithms)(
    '%s: retryAfterMs and resetMs are the first millisecond at which they hold',
    async algorithm => {
      await fc.assert(
        fc.asyncProperty(policies(algorithm), steps, async (policy, moves) => {
          await play(policy, moves, async (result, _, cost, ask) => {
            expect(result.retryAfterMs > 0).toBe(!result.allowed)
            if (!result.allowed) {
              const need = cost || 1
              expect((await ask(result.retryAfterMs)).remaining).toBeGreaterThanOrEqual(need)
              expect((await ask(result.retryAfterMs - 1)).remaining).toBeLessThan(need)
            }
            expect((await ask(result.resetMs)).remaining).toBe(policy.capacity)
            if (result.resetMs > 0) expect((await ask(result.resetMs - 1)).remaining).toBeLessThan(policy.capacity)
          })
        }),
      )
    },
  )
})

describe('rate limit memory', () => {
  const policy = rateLimit('limit:<id>', { limit: 1, window: '1s' }).options.policies[0]!
  let home = homeOf()
  const consume = async (store: RateLimitStore, key: string) =>
    ((await store.consume(call, requests(home, policy, [key])))[0] as RateLimitResult).allowed

  test('a new key takes the place of an expired one before that of one in use', async () => {
    const clock = handClock()
    home = homeOf(createLedger(3))
    const store = createMemoryRateLimitStore(clock)
    await consume(store, 'old')
    await clock.advance(600)
    await consume(store, 'b')
    await consume(store, 'c')
    await clock.advance(500)
    expect(await consume(store, 'new')).toBe(true)
    expect(await consume(store, 'b')).toBe(false)
    expect(await consume(store, 'c')).toBe(false)
  })

  test('with all in use it refuses a new key, and forgets none of those it has denied', async () => {
    const clock = handClock()
    home = homeOf(createLedger(3))
    const store = createMemoryRateLimitStore(clock)
    for (const key of ['a', 'b', 'c']) {
      await consume(store, key)
      await clock.advance(1)
    }
    const [refused] = await store.consume(call, requests(home, policy, ['d']))
    expect(refused).toMatchObject({ code: 'OVERLOADED', outcome: 'not-executed' })
    for (const key of ['a', 'b', 'c']) expect(await consume(store, key)).toBe(false)
    await clock.advance(1_000)
    expect(await consume(store, 'd')).toBe(true)
  })
})
