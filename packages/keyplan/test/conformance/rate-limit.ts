import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RateLimitNamespace, RateLimitOptions, RateLimitResult } from '../../src/kinds/rate-limit/contract.ts'

/** Options that fit any pattern. */
export type LimitOptions = Omit<RateLimitOptions, 'hashed'>

/** One store under test, and clients of it that know nothing of each other. */
export interface RateLimitHarness {
  client(options: LimitOptions): Promise<RateLimitNamespace<'limit:<id>'>>
  /** Lets at least this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

const algorithms = ['fixed-window', 'sliding-window', 'token-bucket'] as const

/** So long that nothing comes back, and no window ends, while a test runs. */
const window = '30d'
const windowMs = 30 * 86_400_000

export const fits = ({ allowed }: RateLimitResult) => allowed

/** What every rate limit store and its handle promise. */
export function rateLimitConformance(name: string, open: () => Promise<RateLimitHarness>): void {
  describe(`rate limit on ${name}`, () => {
    let harness: RateLimitHarness
    const id = 'a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    describe.each(algorithms)('%s', algorithm => {
      const limited = (limit: number) => harness.client({ limit, window, algorithm })

      test('a thousand requests of mixed costs at once consume the limit exactly, and none that fits is denied', async () => {
        const limit = 1_201
        const clients = [await limited(limit), await limited(limit), await limited(limit)]
        const costs = Array.from({ length: 1_000 }, (_, index) => (index * 7) % 5)
        const results = await Promise.all(costs.map((cost, index) => clients[index % 3]!({ id }).consume({ cost })))
        const sum = (wanted: boolean) => costs.filter((_, at) => fits(results[at]!) === wanted && costs[at]! > 0)
        const consumed = sum(true).reduce((total, cost) => total + cost, 0)
        expect(consumed).toBe(limit)
        expect(sum(false).length).toBeGreaterThan(0)
        expect(await clients[0]!({ id }).peek()).toMatchObject({ allowed: false, remaining: 0, limit })
      })

      test('what is denied consumes nothing', async () => {
        const api = (await limited(10))({ id })
        expect(await api.consume({ cost: 8 })).toMatchObject({
          allowed: true,
          limit: 10,
          remaining: 2,
          retryAfterMs: 0,
        })
        const denied = await api.consume({ cost: 3 })
        expect(denied).toMatchObject({ allowed: false, limit: 10, remaining: 2 })
        expect(denied.retryAfterMs).toBeGreaterThan(0)
        expect(denied.retryAfterMs).toBeLessThanOrEqual(2 * windowMs)
        expect(await api.consume({ cost: 2 })).toMatchObject({ allowed: true, remaining: 0 })
        expect(await api.consume()).toMatchObject({ allowed: false, remaining: 0 })
      })

      test('a peek, and a cost of 0, tell what one unit would be answered and consume nothing', async () => {
        const api = (await limited(2))({ id })
        const unused = { allowed: true, limit: 2, remaining: 2, resetMs: 0, retryAfterMs: 0 }
        expect(await api.peek()).toEqual(unused)
        expect(await api.consume({ cost: 0 })).toEqual(unused)
        await api.consume({ cost: 2 })
        const used = await api.peek()
        expect(used).toMatchObject({ allowed: false, limit: 2, remaining: 0 })
        expect(used.retryAfterMs).toBeGreaterThan(0)
        expect(used.resetMs).toBeGreaterThanOrEqual(used.retryAfterMs)
        expect(await api.consume({ cost: 0 })).toMatchObject({ allowed: false, remaining: 0 })
      })

      test('one key asked many times in one turn is decided in the order of asking', async () => {
        const limits = await limited(5)
        const results = await Promise.all(
          Array.from({ length: 14 }, (_, index) => limits({ id: index % 2 === 0 ? 'a' : 'b' }).consume()),
        )
        for (const parity of [0, 1]) {
          const own = results.filter((_, index) => index % 2 === parity)
          expect(own.map(({ remaining }) => remaining)).toEqual([4, 3, 2, 1, 0, 0, 0])
          expect(own.map(fits)).toEqual([true, true, true, true, true, false, false])
        }
      })

      test('calls of one turn keep their order, also those with terms of their own', async () => {
        const api = (await limited(5))({ id })
        const { signal } = new AbortController()
        const answers = await Promise.all([
          api.consume({ cost: 2 }),
          api.peek(),
          api.consume({ signal }),
          api.consume({ deadline: '4s' }),
          api.reset(),
          api.peek({ signal }),
          api.consume({ cost: 4 }),
        ])
        expect(answers.map(answer => answer?.remaining)).toEqual([3, 3, 2, 1, undefined, 5, 1])
      })

      test('a reset leaves the key as if never used', async () => {
        const limits = await limited(3)
        await limits({ id }).consume({ cost: 3 })
        await limits({ id: 'b' }).consume({ cost: 3 })
        await limits({ id }).reset()
        expect(await limits({ id }).peek()).toMatchObject({ allowed: true, remaining: 3, resetMs: 0 })
        expect(await limits({ id: 'b' }).peek()).toMatchObject({ allowed: false })
      })

      test('a cost that is no whole number from 0 to the limit is refused and consumes nothing', async () => {
        const api = (await limited(10))({ id })
        for (const cost of [Number.NaN, -1, 0.5, Number.POSITIVE_INFINITY, -0.1, 11, 1e308, '2' as unknown as number]) {
          await expect(api.consume({ cost }), String(cost)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
        }
        await expect(api.consume({ cost: 11 })).rejects.toThrow(', 10, so more can never be allowed')
        expect(await api.peek()).toMatchObject({ remaining: 10, resetMs: 0 })
      })

      test('after retryAfterMs the same cost is allowed, and after resetMs all of the limit', async () => {
        const api = (await harness.client({ limit: 4, window: '200ms', algorithm }))({ id })
        const denied = await deniedOf(() => api.consume({ cost: 3 }))
        await harness.advance(denied.retryAfterMs + 2)
        const allowed = await api.consume({ cost: 3 })
        expect(allowed).toMatchObject({ allowed: true })
        await harness.advance(allowed.resetMs + 2)
        expect(await api.peek()).toEqual({ allowed: true, limit: 4, remaining: 4, resetMs: 0, retryAfterMs: 0 })
      })

      test('what no verb can take is refused by name and consumes nothing', async () => {
        const limits = await limited(5)
        const api = limits({ id })
        const nonsense: [work: () => unknown, message: string][] = [
          [() => limits(undefined as never), 'are undefined; give { id }'],
          [() => limits(5 as never), 'are a number; give { id }'],
          [() => api.consume(3 as never), 'the options are a number; write an object'],
          [() => api.consume({ cost: null as never }), 'cost is null; it must be a whole number'],
          [() => api.consume({ cost: '2' as never }), "cost is '2'"],
          [() => api.consume({ deadline: 10 as never }), 'deadline is 10; write a length of time'],
          [() => api.consume({ signal: {} as never }), 'signal is an object; give the signal'],
          [() => api.peek(null as never), 'the options are null'],
          [() => api.reset('all' as never), 'the options are a string'],
        ]
        for (const [work, message] of nonsense) {
          const said = (async () => work())()
          await expect(said).rejects.toMatchObject({
            name: 'KeyplanError',
            code: 'PARAM_INVALID',
            message: expect.stringContaining(message),
          })
        }
        expect(await api.peek()).toMatchObject({ remaining: 5 })
      })

      test('a call whose signal has fired consumes nothing', async () => {
        const api = (await limited(5))({ id })
        const aborted = api.consume({ signal: AbortSignal.abort() })
        await expect(aborted).rejects.toMatchObject({ code: 'ABORTED', outcome: 'not-executed' })
        expect(await api.consume()).toMatchObject({ remaining: 4 })
      })
    })

    test('a fixed window begins with its first unit and ends for all at once', async () => {
      const api = (await harness.client({ limit: 5, window: '300ms' }))({ id })
      const first = await api.consume()
      expect(first.resetMs).toBe(300)
      await harness.advance(30)
      const second = await api.consume()
      expect(second.resetMs).toBeLessThanOrEqual(270)
      await harness.advance(second.resetMs + 2)
      expect(await api.consume()).toMatchObject({ remaining: 4, resetMs: 300 })
    })

    test('a token bucket gives its burst at once and then one unit each interval', async () => {
      const options = { limit: 10, window: '500ms', algorithm: 'token-bucket', burst: 20 } as const
      const api = (await harness.client(options))({ id })
      expect(await api.consume({ cost: 20 })).toMatchObject({ allowed: true, limit: 20, remaining: 0 })
      for (let round = 0; round < 3; round++) {
        const denied = await deniedOf(() => api.consume())
        expect(denied.retryAfterMs).toBeLessThanOrEqual(50)
        await harness.advance(denied.retryAfterMs + 2)
        expect(await api.consume()).toMatchObject({ allowed: true })
      }
      await expect(api.consume({ cost: 21 })).rejects.toThrow('from 0 to the burst, 20')
    })

    test('a burst below the limit spreads it', async () => {
      const options = { limit: 1_000, window, algorithm: 'token-bucket', burst: 5 } as const
      const api = (await harness.client(options))({ id })
      const results = await Promise.all(Array.from({ length: 50 }, () => api.consume()))
      expect(results.filter(fits)).toHaveLength(5)
    })
  })
}

/** Consumes until it is denied. */
export async function deniedOf(consume: () => Promise<RateLimitResult>): Promise<RateLimitResult> {
  for (;;) {
    const result = await consume()
    if (!result.allowed) return result
  }
}
