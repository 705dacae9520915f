import { expect, test } from 'vitest'
import { freezeWhole } from '../../src/kinds/cache/freeze-whole.ts'
import { createNameBytes } from '../../src/kinds/cache/heap-bytes.ts'

// What Node 20 takes for each of thousands of such values, in bytes.
const measured = {
  record: 217,
  tenNames: 1_030,
  hundredNames: 9_428,
  table: 80_795,
  idsAsNumbers: 6_047,
  empties: 12_698,
}
const map = (size: number, name: (n: number) => string) =>
  Object.fromEntries(Array.from({ length: size }, (_, n) => [name(n), n]))

const values: Record<keyof typeof measured, (i: number) => unknown> = {
  record: i => ({
    id: i,
    name: `name ${i}`,
    email: `u${i}@example.com`,
    tags: [`a${i}`, `b${i}`],
    active: true,
    score: i + 0.5,
  }),
  tenNames: i => map(10, n => `user:${i}:${n}`),
  hundredNames: i => map(100, n => `user:${i}:${n}`),
  table: i => map(1_000, n => `user:${i}:${n}`),
  idsAsNumbers: i => map(100, n => String(i * 100_000 + n * 37)),
  empties: () => Array.from({ length: 200 }, () => ({})),
}

test.each(Object.keys(measured) as (keyof typeof measured)[])('what values take is right but for a half: %s', shape => {
  const nameBytes = createNameBytes()
  const count = 50
  let bytes = 0
  for (let i = 1; i <= count; i++) bytes += freezeWhole(values[shape](1_000 + i), nameBytes)!
  const ratio = bytes / count / measured[shape]
  expect(ratio).toBeGreaterThan(0.6)
  expect(ratio).toBeLessThan(1.7)
})

test('a name that is seen again is not counted again, and one that is endless is', () => {
  const nameBytes = createNameBytes()
  const names = ['a', 'b', 'c'.repeat(1_000)]
  expect(nameBytes(names)).toBeGreaterThan(1_100)
  expect(nameBytes(names)).toBeGreaterThan(1_000)
  expect(nameBytes(['a', 'b'])).toBe(0)
})
