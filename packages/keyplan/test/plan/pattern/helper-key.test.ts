import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { helperGlob, helperKey, matchHelper } from '../../../src/plan/pattern/helper-key.ts'
import { parsePattern } from '../../../src/plan/pattern/parse.ts'
import { nastyText } from './nasty-text.ts'

const patterns = ['user:<id>', 'user:<id>:<rest...>', 'cart:{<cart>}', 'cart:{<cart>}:<rest...>', '{<whole>}'].map(
  source => parsePattern(source),
)

/** What Redis Cluster hashes of a key. */
function hashed(key: string): string {
  const open = key.indexOf('{')
  const close = key.indexOf('}', open + 1)
  return open >= 0 && close > open + 1 ? key.slice(open + 1, close) : key
}

describe('helper keys', () => {
  test('lie beside their main key', () => {
    expect(helperKey('user:1', false, 'fence')).toBe('{user:1}:~fence')
    expect(helperKey('cart:{1}', true, 'fence')).toBe('cart:{1}:~fence')
    expect(helperGlob(parsePattern('user:<id>'))).toBe('{user:*}:~*')
    expect(helperGlob(parsePattern('cart:{<id>}'))).toBe('cart:{*}:~*')
  })

  test('stay in the slot of their main key, come apart again, and belong to no pattern as a main key', () => {
    fc.assert(
      fc.property(fc.constantFrom(...patterns), nastyText, nastyText, nastyText, (pattern, first, second, end) => {
        const params = Object.fromEntries(pattern.params.map((name, index) => [name, index === 0 ? first : second]))
        const main = pattern.format(params)
        const suffix = `x${end}`
        const key = helperKey(main, pattern.tagged, suffix)
        expect(hashed(key)).toBe(hashed(main))
        expect(matchHelper(pattern, key)).toEqual({ params, suffix })
        expect(matchHelper(pattern, main)).toBeUndefined()
        for (const other of patterns) expect(other.match(key)).toBeUndefined()
      }),
      { numRuns: 2_000 },
    )
  })

  test('a key of the wrong form is none', () => {
    const [untagged, , tagged] = patterns
    expect(matchHelper(untagged!, 'user:1:~fence')).toBeUndefined()
    expect(matchHelper(untagged!, '{user:1}:~')).toBeUndefined()
    expect(matchHelper(untagged!, '{users:1}:~x')).toBeUndefined()
    expect(matchHelper(tagged!, '{cart:1}:~x')).toBeUndefined()
  })
})
