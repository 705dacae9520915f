import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createHistogram } from '../../src/guard/histogram.ts'
import { createTally } from '../../src/guard/tally.ts'

/** The smallest duration that at least this share of all do not exceed. */
function exactly(durations: readonly number[], share: number): number {
  const sorted = [...durations].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!
}

test('a quantile is never too low, and at most an eighth too high', () => {
  const duration = fc.oneof(
    fc.double({ min: 0.001, max: 5, noNaN: true }),
    fc.double({ min: 5, max: 3e6, noNaN: true }),
  )
  const share = fc.constantFrom(0.5, 0.9, 0.99, 1)
  fc.assert(
    fc.property(fc.array(duration, { minLength: 1, maxLength: 300 }), share, (durations, share) => {
      const histogram = createHistogram()
      for (const ms of durations) histogram.add(ms)
      const exact = exactly(durations, share)
      // But for the rounding of a logarithm.
      expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exact * (1 - 1e-9))
      expect(histogram.quantile(share)).toBeLessThanOrEqual(exact * 1.125)
    }),
  )
})

test('the mean is exact', () => {
  const histogram = createHistogram()
  for (const ms of [1, 2, 6]) histogram.add(ms)
  expect(histogram.mean).toBeCloseTo(3, 12)
})

test('of nothing, no time and all of eternity there are figures, too', () => {
  const histogram = createHistogram()
  expect([histogram.mean, histogram.quantile(0.99)]).toEqual([0, 0])
  histogram.add(0)
  expect(histogram.quantile(0.99)).toBe(0.001)
  histogram.add(1e12)
  expect(histogram.quantile(0.5)).toBe(0.001)
  expect(histogram.quantile(1)).toBeGreaterThan(3_600_000)
  expect(Number.isFinite(histogram.quantile(1))).toBe(true)
})

test('the 99th percentile sees one slow call in fifty, and not one in a thousand', () => {
  const slow = (share: number) => {
    const histogram = createHistogram()
    for (let index = 0; index < 2_000; index++) histogram.add(index % share === 0 ? 800 : 1)
    return histogram.quantile(0.99)
  }
  expect(slow(50)).toBeGreaterThan(700)
  expect(slow(1_000)).toBeLessThan(1.2)
})

test('calls that were gathered weigh as many as they are, in their namespace and in all', () => {
  const tally = createTally()
  const count = tally.of('page')
  count.ended(99, 2)
  count.ended(1, 102)
  tally.of('other').ended(100, 1)
  expect(count.stats).toMatchObject({ operations: 100, latency: { mean: 3 } })
  expect(count.stats.latency.p99).toBeLessThan(3)
  expect(tally.all.stats).toMatchObject({ operations: 200, latency: { mean: 2 } })
  expect(tally.of('page')).toBe(count)
})
