import { expect, test } from 'vitest'
import { likely } from '../../src/base/likely.ts'

const known = ['ttl', 'whenDown', 'deadline', 'url', 'keys', 'calls']

test.each<[string, string | undefined]>([
  ['tll', 'ttl'],
  ['tlt', 'ttl'],
  ['TTL', 'ttl'],
  ['tl', 'ttl'],
  ['whenDwn', 'whenDown'],
  ['whendonw', 'whenDown'],
  ['daedlien', 'deadline'],
  ['URL', 'url'],
  ['cals', 'calls'],
  ['doc', undefined],
  ['tags', undefined],
  ['', undefined],
  ['something', undefined],
])('%j is probably %j', (name, meant) => {
  expect(likely(name, known)).toBe(meant)
})

test('the nearest of several is meant', () => {
  expect(likely('keyss', ['calls', 'key', 'keys'])).toBe('keys')
  expect(likely('anything', [])).toBeUndefined()
})
