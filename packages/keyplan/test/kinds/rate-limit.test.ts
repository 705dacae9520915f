import { describe, expect, test } from 'vitest'
import { handClock } from '../../src/base/clock.ts'
import type { RateLimitResult } from '../../src/kinds/rate-limit/contract.ts'
import { rateLimit } from '../../src/kinds/rate-limit/declaration.ts'
import { rateLimitFallback } from '../../src/kinds/rate-limit/fallback.ts'
import { createLedger } from '../../src/kinds/rate-limit/ledger.ts'
import { algorithms, type LimitOptions } from '../conformance/rate-limit.ts'
import { homeOf, requests } from './rate-limit-requests.ts'

const call = { expires: Number.POSITIVE_INFINITY, hold: false, written: 0 }
const declare = (options: LimitOptions) => rateLimit<string, string>('limit:<id>', options)

describe('rateLimit', () => {
  test('fills in its defaults and describes itself', () => {
    const declaration = declare({ limit: 100, window: '15m', doc: 'Requests of one address.' })
    expect(declaration).toMatchObject({
      kind: 'rateLimit',
      pattern: 'limit:<id>',
      durability: 'durable',
      whenDown: 'allow',
      common: { doc: 'Requests of one address.' },
      options: {
        policies: [{ algorithm: 'fixed-window', limit: 100, windowMs: 900_000, capacity: 100, scale: 1 }],
        instances: undefined,
      },
      problems: [],
    })
    expect(declaration.facts).toEqual({ algorithm: 'fixed-window', limit: 100, window: '15m' })
    const bucket = declare({ limit: 5, window: '1s', algorithm: 'token-bucket', burst: 9, whenDown: 'memory' })
    expect(bucket.facts).toEqual({
      algorithm: 'token-bucket',
      limit: 5,
      window: '1s',
      burst: 9,
      instances: 'those alive',
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ['limit is 0', { limit: 0 }],
    ['limit is NaN', { limit: Number.NaN }],
    ['limit is 1.5', { limit: 1.5 }],
    ["limit is '10'", { limit: '10' }],
    ['limit is 2000000000', { limit: 2e9 }],
    ['window is 5;', { window: 5 }],
    ["algorithm is 'leaky'", { algorithm: 'leaky' }],
    ['burst is -1', { burst: -1, algorithm: 'token-bucket' }],
    ["burst belongs to the algorithms 'token-bucket' and 'gcra'", { burst: 5 }],
    ['too large to be counted exactly', { limit: 1e9, window: '1d', algorithm: 'sliding-window' }],
    ['too large to be counted exactly', { limit: 1, burst: 1e9, window: '1d', algorithm: 'token-bucket' }],
    ['instances is 0', { instances: 0 }],
    ["whenDown is 'maybe'", { whenDown: 'maybe' }],
    ['decimals is 7', { decimals: 7 }],
    ['limit is 0.001', { decimals: 2, limit: 0.001 }],
    ['limit is 100000000', { decimals: 2, limit: 1e8 }],
    ['near is 5', { near: 5 }],
    ['block is a string', { block: '5m' }],
    ['block.for is undefined', { block: {} }],
    ['block.factor is 0', { block: { for: '1m', factor: 0 } }],
    ['block.atMost is shorter', { block: { for: '1m', atMost: '1s' } }],
    ["block.onDenied is 'yes'", { block: { for: '1m', onDenied: 'yes' } }],
    ['block.forr is not an option; did you mean block.for', { block: { forr: '1m' } }],
    ['allow is an array', { allow: ['a'] }],
    ['deny.id is a string', { deny: { id: 'a' } }],
    ["'ip' is named in allow, deny or report", { deny: { ip: ['a'] } }],
    ["'ip' is named in allow, deny or report", { report: ['ip'] }],
    ['tiers is an array', { tiers: [] }],
    ['tiers.pro: limit is -5', { tiers: { pro: { limit: -5 } } }],
    ['tiers.pro: window is not an option', { tiers: { pro: { window: '1s' } } }],
    ['tiers.pro: limit has 2 figures', { tiers: { pro: { limit: [1, 2] } } }],
    ['tiers.pro: burst belongs to', { tiers: { pro: { burst: 2 } } }],
    ['limit stands beside limits', { window: undefined, limits: [{ limit: 1, window: '1s' }] }],
    ['limits must be a list', { limit: undefined, window: undefined, limits: [] }],
    ['limits[0]: window is undefined', { limit: undefined, window: undefined, limits: [{ limit: 1 }] }],
    ['limits[0] is a number', { limit: undefined, window: undefined, limits: [5] }],
    [
      'two limits have the same window',
      {
        limit: undefined,
        window: undefined,
        limits: [
          { limit: 1, window: '60s' },
          { limit: 2, window: '1m' },
        ],
      },
    ],
  ])('reports that %s, without throwing', (problem, options) => {
    const { problems } = declare({ limit: 10, window: '1m', ...options } as LimitOptions)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(problem)
  })
})

describe('whenDown', () => {
  const ask = async (options: Partial<LimitOptions>, times: number, cost = 1) => {
    const { whenDown, options: settings } = declare({ limit: 10, window: '1m', ...options } as LimitOptions)
    const home = homeOf(createLedger(), { whenDown, instances: () => settings.instances ?? 1 })
    const fallback = rateLimitFallback(handClock())
    const results: RateLimitResult[] = []
    for (let count = 0; count < times; count++) {
      const [result] = await fallback.consume(call, requests(home, settings.policies[0]!, ['k'], [cost]))
      results.push(result as RateLimitResult)
    }
    return results
  }

  test('allow lets everything pass, marked', async () => {
    const results = await ask({}, 30)
    for (const result of results) {
      expect(result).toEqual({ allowed: true, limit: 10, remaining: 10, resetMs: 0, retryAfterMs: 0, degraded: true })
    }
  })

  test('deny lets nothing pass and says when to ask again', async () => {
    expect(await ask({ whenDown: 'deny' }, 1)).toEqual([
      { allowed: false, limit: 10, remaining: 0, resetMs: 1_000, retryAfterMs: 1_000, degraded: true },
    ])
  })

  test.each([
    [1, 10],
    [3, 3],
    [50, 1],
  ])('memory counts by itself: of %i instances each allows %i', async (instances, share) => {
    const results = await ask({ whenDown: 'memory', instances }, 12)
    expect(results.filter(({ allowed }) => allowed)).toHaveLength(share)
    for (const result of results) expect(result).toMatchObject({ limit: share, degraded: true })
  })

  test('memory denies a cost above its share without naming a moment in the past', async () => {
    for (const algorithm of algorithms) {
      const [result] = await ask({ algorithm, whenDown: 'memory', instances: 3 }, 1, 8)
      expect(result).toMatchObject({ allowed: false, remaining: 3, degraded: true })
      expect(result!.retryAfterMs).toBeGreaterThan(1_000)
    }
  })
})
