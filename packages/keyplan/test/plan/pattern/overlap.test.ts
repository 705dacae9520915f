import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sharedKey, stepsOf } from '../../../src/plan/pattern/overlap.ts'
import { parsePattern, readPattern } from '../../../src/plan/pattern/parse.ts'
import type { Pattern } from '../../../src/plan/pattern/pattern.ts'

const witness = (a: Pattern, b: Pattern) => sharedKey(stepsOf(a.parts, a.verbatim), stepsOf(b.parts, b.verbatim))

test.each([
  ['user:<a>', 'user:<b>', true],
  ['user:<a>', 'user:<b>:x', false],
  ['user:<a>', 'user:admin', true],
  ['user:<a>', 'user:', false],
  ['user:<a>:x', '<b>:y', false],
  ['<a>:<b>', 'user:<c>', true],
  ['<a...>', 'user:<c>:d', true],
  ['user:<a...>', 'user:<b>:items:<c>', true],
  ['user:<a...>', 'users:<b>', false],
  ['user:{<a>}', 'user:<b>', false],
  ['user:{<a>}', 'user:{x}', true],
  ['user:<a>-x', 'user:y-<b>', true],
  ['user:<a>-x', 'user:<b>-y', false],
  ['a*<x>', 'a<y>', false],
  ['<x>', '~<y>', false],
  ['a~b:<x>', '<y>:<z>', true],
])('%s and %s: %s', (left, right, shared) => {
  const [a, b] = [parsePattern(left), parsePattern(right)]
  expect(a.overlaps(b)).toBe(shared)
  expect(b.overlaps(a)).toBe(shared)
})

describe('hashed parameters hold digests only', () => {
  const hashed = parsePattern('t:<a>', { hashed: ['a'] })

  test('a literal of another length is free', () => {
    expect(hashed.overlaps(parsePattern('t:index'))).toBe(false)
    expect(hashed.overlaps(parsePattern(`t:${'A'.repeat(43)}`))).toBe(true)
    expect(hashed.overlaps(parsePattern(`t:${'A'.repeat(42)}B`))).toBe(false)
    expect(hashed.overlaps(parsePattern('t:<b>'))).toBe(true)
  })
})

test('keys of other software may hold anything', () => {
  const foreign = parsePattern('bull:<rest...>', { verbatim: true })
  expect(foreign.overlaps(parsePattern('bull:{<q>}:meta'))).toBe(true)
  expect(parsePattern('bull:<q>', { verbatim: true }).overlaps(parsePattern('bull:{<q>}'))).toBe(true)
  expect(parsePattern('bull:<q>').overlaps(parsePattern('bull:{<q>}'))).toBe(false)
})

const piece = fc.constantFrom('a', 'b', ':', 'a:', ':b', '{', '}', '~', '<x>', '<y>', '<z...>')
const source = fc.array(piece, { minLength: 1, maxLength: 6 }).map(parts => parts.join(''))
const pattern = fc
  .record({ source, hashed: fc.constantFrom([], [], ['x']), verbatim: fc.constantFrom(false, false, true) })
  .map(({ source, hashed, verbatim }) => {
    const known = hashed.filter(name => source.includes(`<${name}>`))
    return readPattern(source, { hashed: verbatim ? [] : known, verbatim }).pattern
  })
  .filter(read => read !== undefined)

const values = ['a', 'b', 'ab', '~', ':', 'a:b', 'a:', '{a}', '{', 'a}', 'b:~a', '']

/** Some keys of a pattern: all combinations of a few values. */
function keysOf(pattern: Pattern): string[] {
  return pattern.params
    .reduce<Record<string, string>[]>(
      (tuples, name) => tuples.flatMap(tuple => values.map(value => ({ ...tuple, [name]: value }))),
      [{}],
    )
    .flatMap(params => {
      try {
        return [pattern.format(params)]
      } catch {
        return []
      }
    })
}

test('it agrees with trying: a key found in both means overlap, and overlap names a key that both own', () => {
  let overlapping = 0
  fc.assert(
    fc.property(pattern, pattern, (a, b) => {
      const key = witness(a, b)
      if (key === undefined) {
        const found = keysOf(a).filter(tried => b.match(tried))
        expect(found, `${a.source} and ${b.source}`).toEqual([])
        return
      }
      overlapping++
      expect(a.match(key), `${key} of ${a.source}`).toBeDefined()
      expect(b.match(key), `${key} of ${b.source}`).toBeDefined()
    }),
    { numRuns: 5_000 },
  )
  expect(overlapping).toBeGreaterThan(150)
})
