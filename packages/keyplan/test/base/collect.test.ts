import { expect, test } from 'vitest'
import { collect } from '../../src/base/collect.ts'
import { durationMs } from '../../src/base/duration.ts'

test('what is wrong joins the problems, and the rest is read on', () => {
  const problems: string[] = []
  expect(collect(problems, () => durationMs('2s', 'ttl'), 1)).toBe(2_000)
  expect(collect(problems, () => durationMs('soon' as '1s', 'ttl'), 1)).toBe(1)
  expect(problems).toEqual(["ttl is a string; write a length of time such as '30s' or '5m'"])
})

test('an error that is no finding of ours is thrown', () => {
  const broken = () => {
    throw new TypeError('a fault')
  }
  expect(() => collect([], broken, 1)).toThrow('a fault')
})
