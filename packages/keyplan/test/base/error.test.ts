import { expect, test } from 'vitest'
import { errorTable, isKeyplanError, isUnavailable, KeyplanError, kindOf, shown } from '../../src/base/error.ts'

test('the table says what a server and a program should answer', () => {
  const error = new KeyplanError('LOCK_BUSY', 'taken', { outcome: 'not-executed', namespace: 'lock', problems: ['a'] })
  expect([error.httpStatus, error.exitCode, error.retryable]).toEqual([409, 75, true])
  expect(error).toMatchObject({ name: 'KeyplanError', outcome: 'not-executed', namespace: 'lock', problems: ['a'] })
  for (const { http, exit } of Object.values(errorTable)) {
    expect(http).toBeGreaterThanOrEqual(400)
    expect(exit).toBeGreaterThanOrEqual(64)
  }
})

test('an error of another copy of the package is recognised, a look-alike is not', async () => {
  const copy = '../../src/base/error.ts?copy'
  const { KeyplanError: Other } = (await import(copy)) as typeof import('../../src/base/error.ts')
  const error = new Other('TIMEOUT', 'late')
  expect(error).not.toBeInstanceOf(KeyplanError)
  expect(isKeyplanError(error)).toBe(true)
  expect(isKeyplanError(error, 'TIMEOUT')).toBe(true)
  expect(isKeyplanError(error, 'BUSY')).toBe(false)
  expect(isKeyplanError({ name: 'KeyplanError', code: 'TIMEOUT' })).toBe(false)
  expect(isKeyplanError(null)).toBe(false)
})

test('only trouble with the server counts as unavailable', () => {
  expect(isUnavailable(new KeyplanError('DISCONNECTED', ''))).toBe(true)
  expect(isUnavailable(new KeyplanError('LOADING', ''))).toBe(true)
  expect(isUnavailable(new KeyplanError('WRONG_TYPE', ''))).toBe(false)
  expect(isUnavailable(new KeyplanError('PARAM_INVALID', ''))).toBe(false)
  expect(isUnavailable(new Error('ECONNREFUSED'))).toBe(false)
})

test('the cause is kept, and absent where there is none', () => {
  const cause = new Error('x')
  expect(new KeyplanError('SERVER', '', { cause }).cause).toBe(cause)
  expect('cause' in new KeyplanError('SERVER', '')).toBe(false)
})

test.each([
  [null, 'null'],
  [undefined, 'undefined'],
  [[], 'an array'],
  [{}, 'an object'],
  ['', 'an empty string'],
  ['secret', 'a string'],
  [Number.NaN, 'NaN'],
  [5, 'a number'],
])('the kind of %j is %s', (value, kind) => {
  expect(kindOf(value)).toBe(kind)
})

test.each<[unknown, string]>([
  ['10 mins', "'10 mins'"],
  [5, '5'],
  [Number.NaN, 'NaN'],
  [true, 'true'],
  ['', 'an empty string'],
  ['a\nb', 'a string'],
  ['x'.repeat(41), 'a string'],
  [undefined, 'undefined'],
  [{}, 'an object'],
])('%j is shown as %s', (value, text) => {
  expect(shown(value)).toBe(text)
})
