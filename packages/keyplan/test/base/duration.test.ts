import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Duration, durationMs, formatDuration } from '../../src/base/duration.ts'
import { shown } from '../../src/base/error.ts'
import { refusal } from './refusal.ts'

test.each<[Duration, number]>([
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['1.5h', 5_400_000],
  ['7d', 604_800_000],
  ['2w', 1_209_600_000],
  ['0.6ms', 1],
])('%s is %d ms', (text, ms) => {
  expect(durationMs(text)).toBe(ms)
})

test.each(['', '5', '5 m', '-5m', '5M', '5min', '1e3ms', '.5s', '5m ', 5, null, undefined, {}])(
  '%j is refused',
  value => {
    expect(refusal(() => durationMs(value as Duration, 'ttl of user'))).toMatch(/^PARAM_INVALID ttl of user is .*'30s'/)
  },
)

test('a wrong value is shown only where it cannot be a secret', () => {
  const secret = 'hunter2' as Duration
  expect(refusal(() => durationMs(secret, 'deadline'))).toContain('deadline is a string;')
  expect(refusal(() => durationMs('10 mins' as Duration, 'ttl', shown))).toContain("ttl is '10 mins';")
})

test.each(['0s', '0.4ms', '10001d', '9999999999w'])('%s is out of bounds', value => {
  expect(refusal(() => durationMs(value as Duration))).toContain('between 1ms and 10000d')
})

test('formatting is exact and as short as units allow', () => {
  expect(formatDuration(90_000)).toBe('90s')
  expect(formatDuration(300_000)).toBe('5m')
  expect(formatDuration(1)).toBe('1ms')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 864_000_000_000 }), ms => {
      expect(durationMs(formatDuration(ms))).toBe(ms)
    }),
  )
})
