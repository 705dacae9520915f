import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Call } from '../../src/base/call.ts'
import { handClock } from '../../src/base/clock.ts'
import { formatDuration } from '../../src/base/duration.ts'
import { createBareGuard } from '../../src/guard/guard.ts'
import { guarded } from '../../src/guard/guarded.ts'
import {
  type RateLimitResult,
  type RateLimitStore,
  rateLimit,
  rateLimitOperations,
} from '../../src/kinds/rate-limit/contract.ts'
import { createRateLimits } from '../../src/kinds/rate-limit/handle.ts'
import { createMemoryRateLimitStore } from '../../src/kinds/rate-limit/memory.ts'
import type { RateLimitPolicy } from '../../src/kinds/rate-limit/policy.ts'
import { parsePattern } from '../../src/plan/pattern/parse.ts'
import { type RateLimitHarness, rateLimitConformance } from '../conformance/rate-limit.ts'

const pattern = parsePattern('limit:<id>')
const call: Call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }

rateLimitConformance('memory', async (): Promise<RateLimitHarness> => {
  const clock = handClock()
  let store: RateLimitStore | undefined
  return {
    async client(options) {
      const { policy } = rateLimit('limit:<id>', options).options
      store ??= createMemoryRateLimitStore(clock, policy)
      return createRateLimits(guarded('limits', store, rateLimitOperations, createBareGuard()), policy, pattern)
    },
    advance: ms => clock.advance(ms),
    close: async () => {},
  }
})

/** A history of requests on one key: what was consumed when. */
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
          ...(algorithm === 'token-bucket' && { burst }),
        }).options.policy,
    )

async function play(
  policy: RateLimitPolicy,
  moves: readonly { pause: number; cost: number }[],
  look: (result: RateLimitResult, now: number, cost: number, ask: Ask) => void | Promise<void> = () => {},
): Promise<Consumed[]> {
  let elapsed = 0
  const store = createMemoryRateLimitStore({ ...handClock(), now: () => elapsed }, policy)
  const consumed: Consumed[] = []
  for (const { pause, cost } of moves) {
    if (cost > policy.capacity) continue
    elapsed += pause
    const [result] = (await store.consume(call, ['k'], [cost], policy)) as RateLimitResult[]
    if (result!.allowed) consumed.push({ at: elapsed, cost })
    expect(result!.remaining).toBeGreaterThanOrEqual(0)
    expect(result!.remaining).toBeLessThanOrEqual(policy.capacity)
    await look(result!, elapsed, cost, async ahead => {
      elapsed += ahead
      const [peeked] = (await store.peek(call, ['k'], policy)) as RateLimitResult[]
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

  test('token bucket: any stretch passes at most the burst and what is refilled meanwhile', async () => {
    await fc.assert(
      fc.asyncProperty(policies('token-bucket'), steps, async (policy, moves) => {
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
  })

  test.each(['fixed-window', 'sliding-window', 'token-bucket'] as const)(
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
  const { policy } = rateLimit('limit:<id>', { limit: 1, window: '1s' }).options
  const consume = async (store: RateLimitStore, key: string) =>
    ((await store.consume(call, [key], [1], policy))[0] as RateLimitResult).allowed

  test('a new key takes the place of an expired one before that of one in use', async () => {
    const clock = handClock()
    const store = createMemoryRateLimitStore(clock, policy, 3)
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
    const store = createMemoryRateLimitStore(clock, policy, 3)
    for (const key of ['a', 'b', 'c']) {
      await consume(store, key)
      await clock.advance(1)
    }
    const [refused] = await store.consume(call, ['d'], [1], policy)
    expect(refused).toMatchObject({ code: 'OVERLOADED', outcome: 'not-executed' })
    for (const key of ['a', 'b', 'c']) expect(await consume(store, key)).toBe(false)
    await clock.advance(1_000)
    expect(await consume(store, 'd')).toBe(true)
  })
})
