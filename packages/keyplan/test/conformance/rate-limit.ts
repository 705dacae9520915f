import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RateLimitNamespace, RateLimitOptions, RateLimitResult } from '../../src/kinds/rate-limit/contract.ts'
import { hasBurst, type RateLimitAlgorithm } from '../../src/kinds/rate-limit/policy.ts'

/** Options that fit any pattern. */
export type LimitOptions = RateLimitOptions<never, string>

/** One store under test, and clients of it that know nothing of each other. */
export interface RateLimitHarness {
  client(options: LimitOptions): Promise<RateLimitNamespace>
  /** Two namespaces of one client, whose keys share a slot. */
  pair(one: LimitOptions, other: LimitOptions): Promise<[RateLimitNamespace, RateLimitNamespace]>
  /** Lets at least this much time pass. */
  advance(ms: number): Promise<void>
  close(): Promise<void>
}

export const algorithms = ['fixed-window', 'sliding-window', 'sliding-log', 'token-bucket', 'gcra'] as const

/** So long that nothing comes back, and no window ends, while a test runs. */
const window = '30d'
const windowMs = 30 * 86_400_000

export const fits = ({ allowed }: RateLimitResult) => allowed

/** What every rate limit store and its handle promise. */
export function rateLimitConformance(
  name: string,
  open: () => Promise<RateLimitHarness>,
  counted: readonly RateLimitAlgorithm[] = algorithms,
): void {
  describe(`rate limit on ${name}`, () => {
    let harness: RateLimitHarness
    const id = 'a'

    beforeEach(async () => {
      harness = await open()
    })
    afterEach(() => harness.close())

    describe.each(counted)('%s', algorithm => {
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

    describe.each(counted)('%s', algorithm => {
      const limited = (limit: number, more: Partial<LimitOptions> = {}) =>
        harness.client({ limit, window, algorithm, ...more } as LimitOptions)

      test('a penalty goes beyond the limit, and a reward gives back no more than was consumed', async () => {
        const api = (await limited(10))({ id })
        expect(await api.penalty(4)).toMatchObject({ allowed: true, remaining: 6 })
        const beyond = await api.penalty(20)
        expect(beyond).toMatchObject({ allowed: false, remaining: 0, limit: 10 })
        expect(beyond.retryAfterMs).toBeGreaterThan(0)
        expect(await api.consume()).toMatchObject({ allowed: false, remaining: 0 })
        expect(await api.reward(13)).toMatchObject({ allowed: false, remaining: 0 })
        expect(await api.reward()).toMatchObject({ allowed: false, remaining: 0 })
        expect(await api.reward(2)).toMatchObject({ allowed: true, remaining: 2, retryAfterMs: 0 })
        expect(await api.reward(1_000)).toMatchObject({ allowed: true, remaining: 10 })
        expect(await api.consume({ cost: 10 })).toMatchObject({ allowed: true, remaining: 0 })
      })

      test('a late reward comes off what counts when it arrives, unit by unit, and is never saved up', async () => {
        const brief = (await limited(10, { window: '100ms' }))({ id })
        await brief.consume({ cost: 10 })
        await harness.advance(205)
        expect(await brief.reward(4)).toMatchObject({ allowed: true, remaining: 10, resetMs: 0 })
        const api = (await limited(10))({ id: 'b' })
        expect(await api.reward(4)).toMatchObject({ allowed: true, remaining: 10, resetMs: 0 })
        expect(await api.consume({ cost: 10 })).toMatchObject({ allowed: true, remaining: 0 })
        // As for units that were taken in the window before.
        expect(await api.reward(4)).toMatchObject({ allowed: true, remaining: 4 })
        expect(await api.consume({ cost: 4 })).toMatchObject({ allowed: true, remaining: 0 })
        expect(await api.consume()).toMatchObject({ allowed: false, remaining: 0 })
      })

      test('penalties and rewards keep their place in the order of a turn', async () => {
        const api = (await limited(5))({ id })
        const answers = await Promise.all([api.consume(), api.penalty(2), api.consume(), api.reward(3), api.consume()])
        expect(answers.map(({ remaining }) => remaining)).toEqual([4, 2, 1, 4, 3])
      })

      test('what is no amount of units is neither a penalty nor a reward', async () => {
        const api = (await limited(5))({ id })
        for (const units of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2e9, '2' as unknown as number]) {
          await expect(api.penalty(units)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
          await expect(api.reward(units)).rejects.toMatchObject({ code: 'PARAM_INVALID' })
        }
        expect(await api.peek()).toMatchObject({ remaining: 5 })
      })

      test('decimals: costs of hundredths add up exactly', async () => {
        const api = (await limited(1, { decimals: 2 }))({ id })
        for (const left of [0.71, 0.42, 0.13]) {
          expect(await api.consume({ cost: 0.29 })).toMatchObject({ allowed: true, remaining: left, limit: 1 })
        }
        expect(await api.consume({ cost: 0.14 })).toMatchObject({ allowed: false, remaining: 0.13 })
        expect(await api.consume({ cost: 0.13 })).toMatchObject({ allowed: true, remaining: 0 })
        await expect(api.consume({ cost: 0.001 })).rejects.toThrow('at most 2 decimal places from 0 to')
      })

      test('a tier, or a call, has another limit on the same count', async () => {
        const limits = await limited(5, { tiers: { pro: { limit: 50 } } })
        await limits({ id }).consume({ cost: 5 })
        expect(await limits({ id }).consume()).toMatchObject({ allowed: false, limit: 5 })
        // A bucket that is empty is filled faster from now on, but not at once.
        const allowed = !hasBurst(algorithm)
        expect(await limits({ id }, { tier: 'pro' }).consume()).toMatchObject({ allowed, limit: 50 })
        expect(await limits({ id: 'b' }, { tier: 'pro' }).consume({ cost: 9 })).toMatchObject({ remaining: 41 })
        expect(await limits({ id }, { limit: 7 }).peek()).toMatchObject({ limit: 7 })
        expect(() => limits({ id }, { tier: 'gold' })).toThrow('declares pro')
        const big = { limit: 2n } as never
        expect(() => limits({ id }, big)).toThrow(expect.objectContaining({ code: 'PARAM_INVALID' }))
        expect(() => limits({ id }, big)).toThrow('limit is a bigint')
        expect(() => limits({ id }, { limit: -1 })).toThrow('limit is -1')
        expect(() => limits({ id }, { limits: 1 } as never)).toThrow('limits is not an option')
      })

      test('block denies everything until it is over or reset, and repeated blocks grow', async () => {
        const block = { for: '10m', factor: 3, atMost: '1h', remember: '1d' } as const
        const limits = await limited(5, { block })
        const api = limits({ id })
        await api.consume({ cost: 2 })
        expect(await api.block()).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 600_000, limit: 5 })
        const denied = await api.consume()
        expect(denied).toMatchObject({ allowed: false, remaining: 0 })
        expect(denied.retryAfterMs).toBeGreaterThan(590_000)
        expect(await api.peek()).toMatchObject({ allowed: false })
        expect(await limits({ id: 'b' }).consume()).toMatchObject({ allowed: true })
        expect((await api.block()).retryAfterMs).toBe(1_800_000)
        expect((await api.block()).retryAfterMs).toBe(3_600_000)
        expect((await api.block('2h')).retryAfterMs).toBe(7_200_000)
        // A block never ends before one that stands.
        expect((await api.block('1s')).retryAfterMs).toBeGreaterThan(7_100_000)
        await api.reset()
        expect(await api.consume()).toMatchObject({ allowed: true, remaining: 4 })
        expect((await api.block()).retryAfterMs).toBe(600_000)
      })

      test('what was consumed before a block counts after it', async () => {
        const api = (await limited(5, { block: { for: '80ms' } }))({ id })
        await api.consume({ cost: 3 })
        const { retryAfterMs } = await api.block()
        await harness.advance(retryAfterMs + 2)
        expect(await api.consume()).toMatchObject({ allowed: true, remaining: 1 })
      })

      test('onDenied: whoever goes over the limit is blocked', async () => {
        const api = (await limited(2, { block: { for: '1h', onDenied: true } }))({ id })
        await api.consume({ cost: 2 })
        expect((await api.peek()).retryAfterMs).not.toBe(3_600_000)
        expect(await api.consume()).toMatchObject({ allowed: false, remaining: 0, retryAfterMs: 3_600_000 })
        await api.reward(2)
        const blocked = await api.consume()
        expect(blocked).toMatchObject({ allowed: false })
        expect(blocked.retryAfterMs).toBeLessThanOrEqual(3_600_000)
      })

      test('several limits: what one denies is taken from none', async () => {
        const limits = await harness.client({
          limits: [
            { limit: 3, window: '30d', algorithm },
            { limit: 5, window: '60d', algorithm },
          ],
        })
        const api = limits({ id })
        expect(await api.consume({ cost: 3 })).toMatchObject({ allowed: true, limit: 3, remaining: 0 })
        const denied = await api.consume()
        expect(denied).toMatchObject({ allowed: false, limit: 3, remaining: 0 })
        expect(denied.parts).toMatchObject([
          { allowed: false, limit: 3, remaining: 0 },
          { allowed: true, limit: 5, remaining: 2 },
        ])
        await api.reward(2)
        expect(await api.consume({ cost: 2 })).toMatchObject({ allowed: true })
        await expect(api.consume({ cost: 4 })).rejects.toThrow(/from 0 to the (limit|burst), 3/)
        await api.reset()
        expect(await api.peek()).toMatchObject({ allowed: true, remaining: 3, resetMs: 0 })
        const racing = await Promise.all(Array.from({ length: 20 }, (_, at) => limits({ id: `${at % 2}` }).consume()))
        expect(racing.filter(fits)).toHaveLength(6)
      })

      test('limits of two namespaces: what one denies is taken from none', async () => {
        const options = { limit: 4, window, algorithm } as const
        const [perIp, perUser] = await harness.pair(options, { ...options, limit: 6 })
        const both = (ip: string, user: string) => perIp({ id: ip }).with(perUser({ id: user }))
        expect(await both('i', 'u').consume({ cost: 4 })).toMatchObject({ allowed: true, limit: 4, remaining: 0 })
        expect(await both('j', 'u').consume({ cost: 3 })).toMatchObject({ allowed: false, limit: 6, remaining: 2 })
        expect(await perIp({ id: 'j' }).peek()).toMatchObject({ remaining: 4 })
        expect(await both('i', 'v').consume()).toMatchObject({ allowed: false, limit: 4 })
        expect(await perUser({ id: 'v' }).peek()).toMatchObject({ remaining: 6, resetMs: 0 })
        const racing = await Promise.all(Array.from({ length: 30 }, (_, at) => both(`r${at % 5}`, 'w').consume()))
        expect(racing.filter(fits)).toHaveLength(6)
        expect(await both('i', 'u').penalty()).toMatchObject({ allowed: false })
        await both('i', 'u').reset()
        expect(await both('i', 'u').peek()).toMatchObject({ allowed: true, remaining: 4 })
      })

      test('near: what is used up is denied here until it may be allowed, or until this process gives back', async () => {
        const api = (await limited(3, { near: '1h' }))({ id })
        await api.consume({ cost: 3 })
        expect(await api.consume()).toMatchObject({ allowed: false, remaining: 0 })
        const again = await api.consume({ cost: 2 })
        expect(again).toMatchObject({ allowed: false, limit: 3 })
        expect(again.retryAfterMs).toBeGreaterThan(0)
        await api.reward()
        expect(await api.consume({ cost: 2 })).toMatchObject({ allowed: false, remaining: 1 })
        expect(await api.consume()).toMatchObject({ allowed: true })
        expect(await api.consume()).toMatchObject({ allowed: false })
        await api.reset()
        expect(await api.consume()).toMatchObject({ allowed: true, remaining: 2 })
      })

      test('near: denies for no longer than the limit does', async () => {
        const api = (await harness.client({ limit: 2, window: '200ms', algorithm, near: '1h' }))({ id })
        for (let round = 0; round < 2; round++) {
          const denied = await deniedOf(() => api.consume())
          await harness.advance(denied.retryAfterMs + 1)
          expect(await api.consume()).toMatchObject({ allowed: true })
        }
      })
    })

    test('near: several limits of a key are denied here while one of them is used up, each with its answer', async () => {
      const open = async (first: typeof window | '200ms') => {
        const limits = [
          { limit: 2, window: first },
          { limit: 99, window: '60d' },
        ] as const
        return (await harness.client({ near: '1h', limits }))({ id })
      }
      const api = await open(window)
      await api.consume({ cost: 2 })
      for (let round = 0; round < 2; round++) {
        const denied = await api.consume()
        expect(denied).toMatchObject({ allowed: false, limit: 2, remaining: 0 })
        expect(denied.parts).toMatchObject([{ allowed: false }, { allowed: true, remaining: 97, retryAfterMs: 0 }])
      }
      await api.reward()
      expect(await api.consume()).toMatchObject({ allowed: true })
      await api.reset()
      const short = await open('200ms')
      const { retryAfterMs } = await deniedOf(() => short.consume())
      await harness.advance(retryAfterMs + 1)
      expect(await short.consume()).toMatchObject({ allowed: true })
    })

    test('near: knows nothing of keys that are joined to its own', async () => {
      const [guest, other] = await harness.pair({ limit: 5, window, near: '1h', allow: { id: [id] } } as LimitOptions, {
        limit: 1,
        window,
      })
      const both = guest({ id }).with(other({ id }))
      await both.consume()
      expect(await both.consume()).toMatchObject({ allowed: false })
      await other({ id }).reward()
      expect(await both.consume()).toMatchObject({ allowed: true })
    })

    test('guests are not counted, and who is denied never passes', async () => {
      const limits = await harness.client({
        limit: 1,
        window,
        allow: ({ id: own }: { id?: string | number }) => own === 'boss',
        deny: { id: ['thief'] },
      } as LimitOptions)
      for (let round = 0; round < 3; round++) {
        expect(await limits({ id: 'boss' }).consume()).toMatchObject({ allowed: true, remaining: 1, resetMs: 0 })
        expect(await limits({ id: 'thief' }).consume()).toMatchObject({ allowed: false, remaining: 0 })
      }
      expect(await limits({ id: 'thief' }).peek()).toMatchObject({ allowed: false, retryAfterMs: windowMs })
      await expect(limits({ id: 'boss' }).consume({ cost: 2 })).rejects.toMatchObject({ code: 'PARAM_INVALID' })
      expect(await limits({ id: 'else' }).consume()).toMatchObject({ allowed: true, remaining: 0 })
      const odd = await harness.client({ limit: 1, window, allow: (() => Promise.resolve(true)) as never })
      expect(() => odd({ id })).toThrow('gave an object; it must give true or false')
    })

    test('joined limits have an answer each, also those that a list has decided about', async () => {
      const lists = { allow: { id: ['boss'] }, deny: { id: ['thief'] } } as const
      const [listed, other] = await harness.pair(
        {
          limits: [
            { limit: 5, window },
            { limit: 9, window: '60d' },
          ],
          ...lists,
        } as LimitOptions,
        { limit: 7, window },
      )
      const free = { allowed: true, resetMs: 0 }
      const allowed = await other({ id: 'a' })
        .with(listed({ id: 'boss' }))
        .consume()
      expect(allowed).toMatchObject({ allowed: true, limit: 7, remaining: 6 })
      expect(allowed.parts).toMatchObject([{ remaining: 6 }, { ...free, remaining: 5 }, { ...free, remaining: 9 }])
      const behind = await listed({ id: 'boss' })
        .with(other({ id: 'a' }))
        .peek()
      expect(behind.parts).toMatchObject([{ remaining: 5 }, { remaining: 9 }, { remaining: 6 }])
      const denied = await other({ id: 'a' })
        .with(listed({ id: 'thief' }))
        .consume()
      expect(denied).toMatchObject({ allowed: false, remaining: 0 })
      expect(denied.parts).toMatchObject([{ unasked: true }, { allowed: false }, { allowed: false }])
      expect((await other({ id: 'a' }).peek()).remaining).toBe(6)
    })

    test('a key cannot be blocked unless that is declared', async () => {
      const api = (await harness.client({ limit: 1, window }))({ id })
      await expect(api.block()).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    })

    test('with() refuses what is no limit, a key that is named twice, and too many', async () => {
      const options = { limit: 1, window } as const
      const [one, other] = await harness.pair(options, options)
      expect(() => one({ id }).with({} as never)).toThrow('was given an object; give it limits')
      expect(() => one({ id }).with(one({ id }))).toThrow('the same key twice')
      const many = Array.from({ length: 16 }, (_, at) => other({ id: `${at}` }))
      expect(() => one({ id }).with(...many)).toThrow('makes 17 limits of it; at most 16 are')
    })

    test('who waits for a key is served in the order of asking, or denied when its time is over', async () => {
      const options = { limit: 2, window: '120ms', algorithm: 'token-bucket', burst: 1 } as const
      const limits = await harness.client(options)
      await limits({ id }).consume()
      const served: number[] = []
      const waiting = [0, 1, 2].map(async at => {
        const result = await limits({ id }).consume({ wait: '20s' })
        served.push(at)
        return result
      })
      const short = limits({ id }).consume({ wait: '1ms' })
      for (let round = 0; round < 12 && served.length < 3; round++) await harness.advance(61)
      expect((await Promise.all(waiting)).map(fits)).toEqual([true, true, true])
      expect(served).toEqual([0, 1, 2])
      expect(await short).toMatchObject({ allowed: false })
    })

    test('waiting that cannot help is denied at once, and a signal ends it', async () => {
      const api = (await harness.client({ limit: 1, window }))({ id })
      await api.consume()
      expect(await api.consume({ wait: '1h' })).toMatchObject({ allowed: false })
      const long = (await harness.client({ limit: 1, window: '1h' }))({ id: 'b' })
      await long.consume()
      const stop = new AbortController()
      const waiting = long.consume({ wait: '2h', signal: stop.signal })
      const behind = long.consume({ wait: '2h' })
      await long.peek()
      stop.abort()
      await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' })
      await long.reward()
      expect(await behind).toMatchObject({ allowed: true })
      await expect(api.consume({ wait: 5 as never })).rejects.toThrow('wait is 5')
      await expect(api.consume({ wait: '1s', deadline: '1s' })).rejects.toThrow('wait and deadline')
    })

    test('who waits is woken by a reset, and in joined limits by what each of them is given back', async () => {
      const options = { limit: 1, window: '1h', near: '1h' } as const
      const [one, two] = await harness.pair(options, options)
      const [a, b] = [one({ id }), two({ id })]
      const giveBack = [
        [a, () => a.reset()],
        [a.with(b), () => a.with(b).reward()],
        [a.with(b), () => Promise.all([b.reward(), a.reset()])],
        [b.with(a), () => b.with(a).reset()],
      ] as const
      for (const [limit, release] of giveBack) {
        await Promise.all([a.reset(), b.reset()])
        await limit.consume()
        const waiting = limit.consume({ wait: '2h' })
        await limit.peek()
        await limit.peek()
        await release()
        expect(await waiting).toMatchObject({ allowed: true })
      }
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
