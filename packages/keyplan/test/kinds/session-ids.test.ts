import { expect, test } from 'vitest'
import { isId, newId } from '../../src/kinds/session/id.ts'

test('100,000 ids: none twice, and each of their bytes as even as chance has it', () => {
  const ids = Array.from({ length: 100_000 }, newId)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.filter(id => !/^[\w-]{22}$/.test(id))).toEqual([])
  const counts = Array.from({ length: 16 }, () => new Uint32Array(256))
  for (const id of ids) {
    const bytes = Buffer.from(id, 'base64url')
    for (let at = 0; at < 16; at++) counts[at]![bytes[at]!]!++
  }
  const expected = ids.length / 256
  for (const count of counts) {
    let chiSquare = 0
    for (const seen of count) chiSquare += (seen - expected) ** 2 / expected
    // 255 degrees of freedom: mean 255, deviation 22.6. Beyond 7 deviations once in some 10^9 runs; a stuck bit gives 100,000.
    expect(chiSquare).toBeLessThan(255 + 7 * Math.sqrt(2 * 255))
    expect(chiSquare).toBeGreaterThan(255 - 7 * Math.sqrt(2 * 255))
  }
})

test('what cannot be an id is known without asking', () => {
  for (const text of ['', 'a b', 'a\n', 'é', 'x'.repeat(257), undefined, 5, null]) expect(isId(text)).toBe(false)
  for (const text of ['a', 'sess_12345', 's:abc.def', 'x'.repeat(256), newId()]) expect(isId(text)).toBe(true)
})
