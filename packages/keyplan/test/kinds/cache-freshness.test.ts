import { describe, expect, test } from 'vitest'
import { json } from '../../src/base/codec/json.ts'
import { cache } from '../../src/kinds/cache/contract.ts'
import { createFreshness } from '../../src/kinds/cache/freshness.ts'
import type { CacheOptions } from '../../src/kinds/cache/options.ts'

const start = 1_700_000_000_000

/** Freshness under a clock and a chance that the test sets. */
function freshness(options: Partial<CacheOptions<'a:<id>', unknown, unknown>>, chance = () => 0) {
  let now = start
  const { options: settings } = cache('a:<id>', { ttl: '10s', value: json<unknown>(), ...options })
  const made = createFreshness(settings, () => now, chance)
  const at = (ms: number) => {
    now = start + ms
  }
  return { ...made, at }
}

describe('freshness', () => {
  test('values are kept for the longer of the two windows beyond their time to live', () => {
    expect(freshness({}).keptFor(1_000)).toBe(1_000)
    expect(freshness({ staleWhileRevalidate: '2s', staleIfError: '1s' }).keptFor(1_000)).toBe(3_000)
    expect(freshness({ earlyRefresh: 0.5 }).keptFor(1_000)).toBe(1_000)
  })

  test('without such options a value says nothing of its age, and one that says nothing is fresh', () => {
    const { marks, age } = freshness({})
    expect([marks(1_000, 5), age({})]).toEqual([{}, 'fresh'])
    expect(freshness({ staleIfError: '1h' }).age({})).toBe('fresh')
  })

  test('a value is fresh, then due, then stale, then no more to be revalidated', () => {
    const { marks, age, revalidates, at } = freshness({ earlyRefresh: 0.8, staleWhileRevalidate: '5s' })
    const mine = marks(10_000, undefined)
    expect(mine).toEqual({ freshUntil: start + 10_000, dueAt: start + 8_000 })
    const ages = [0, 7_999, 8_000, 9_999, 10_000, 14_999, 15_000].map(ms => {
      at(ms)
      return [age(mine), revalidates(mine)]
    })
    expect(ages.map(([is]) => is)).toEqual(['fresh', 'fresh', 'due', 'due', 'stale', 'stale', 'stale'])
    expect(ages.map(([, holds]) => holds)).toEqual([true, true, true, true, true, true, false])
  })

  test('xfetch is due the earlier the longer the load took, by the logarithm of chance', () => {
    const due = (chance: number, loadMs: number | undefined, ms: number) => {
      const { marks, age, at } = freshness({ earlyRefresh: 'xfetch' }, () => chance)
      const mine = marks(10_000, loadMs)
      at(ms)
      return age(mine) === 'due'
    }
    // With chance 1 - 1/e the expiry comes earlier by just what the load took.
    const even = 1 - 1 / Math.E
    expect([due(even, 1_000, 8_990), due(even, 1_000, 9_010)]).toEqual([false, true])
    expect([due(even, 4_000, 5_990), due(even, 4_000, 6_010)]).toEqual([false, true])
    expect([due(0, 4_000, 9_999), due(0.999, 1_000, 3_100)]).toEqual([false, true])
    expect(due(0.999, undefined, 9_999)).toBe(false)
  })
})
