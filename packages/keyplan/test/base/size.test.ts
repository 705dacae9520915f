import { expect, test } from 'vitest'
import { shown } from '../../src/base/error.ts'
import { type Size, sizeBytes } from '../../src/base/size.ts'
import { refusal } from './refusal.ts'

test.each<[Size, number]>([
  ['100b', 100],
  ['16kb', 16_384],
  ['1.5mb', 1_572_864],
  ['1gb', 1_073_741_824],
])('%s is %d bytes', (text, bytes) => {
  expect(sizeBytes(text)).toBe(bytes)
})

test.each(['', '5', '5 kb', '5KB', '-1b', '1tb', 5, null])('%j is refused', value => {
  expect(refusal(() => sizeBytes(value as Size, 'budget of user'))).toMatch(/^PARAM_INVALID budget of user is .*'16kb'/)
})

test('a wrong value is shown only where it cannot be a secret', () => {
  expect(refusal(() => sizeBytes('2 TB' as Size, 'budget'))).toContain('budget is a string;')
  expect(refusal(() => sizeBytes('2 TB' as Size, 'budget', shown))).toContain("budget is '2 TB';")
})

test('nothing is no size', () => {
  expect(refusal(() => sizeBytes('0b'))).toContain('at least 1b')
})
