import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes } from '../../../src/base/codec/bytes.ts'
import { json } from '../../../src/base/codec/json.ts'
import { number } from '../../../src/base/codec/number.ts'
import { text } from '../../../src/base/codec/text.ts'
import { nastyText } from '../../plan/pattern/nasty-text.ts'
import { refusal } from '../refusal.ts'

describe('json', () => {
  const codec = json<unknown>()

  test('what JSON holds comes back as it was, from text and from bytes', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        // JSON has one zero.
        const expected = JSON.parse(JSON.stringify(value))
        expect(codec.decode(codec.encode(value))).toEqual(expected)
        expect(codec.decode(Buffer.from(codec.encode(value)))).toEqual(expected)
      }),
    )
  })

  test('lone surrogates survive', () => {
    expect(codec.decode(Buffer.from(codec.encode('a\ud800')))).toBe('a\ud800')
  })

  const cyclic: { self?: unknown } = {}
  cyclic.self = cyclic

  test.each<[string, unknown, string]>([
    ['undefined', undefined, 'is undefined'],
    ['a function', () => 1, 'is a function'],
    ['a symbol', Symbol('s'), 'is a symbol'],
    ['a bigint', 1n, 'is a bigint'],
    ['NaN', Number.NaN, 'is NaN'],
    ['Infinity', Number.NEGATIVE_INFINITY, 'is -Infinity'],
    ['a cycle', cyclic, 'cyclic'],
    ['a nested bigint', { a: 1n }, 'holds a bigint'],
    ['a Map', new Map([['secret', 1]]), 'is a Map'],
    ['a Set', new Set([1]), 'is a Set'],
    ['a promise', Promise.resolve(1), 'is a Promise'],
    ['bytes', new Uint8Array([1]), 'use bytes()'],
    ['what JSON hides', { toJSON: () => undefined }, 'is an object'],
  ])('%s is refused', (_, value, problem) => {
    const message = refusal(() => codec.encode(value))
    expect(message).toMatch(/^VALUE_INVALID /)
    expect(message).toContain(problem)
    expect(message).not.toContain('secret')
  })

  test('a plain empty object, one without a prototype and one with toJSON pass', () => {
    expect(codec.encode({})).toBe('{}')
    expect(codec.encode(Object.create(null))).toBe('{}')
    expect(codec.encode(new Date(0))).toBe('"1970-01-01T00:00:00.000Z"')
  })

  test('no prototype is touched', () => {
    const value = codec.decode('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
    expect((value as { polluted?: unknown }).polluted).toBeUndefined()
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
  })

  test.each(['', '{', 'undefined', '\x01\n{}'])('%j does not decode', stored => {
    expect(() => codec.decode(stored)).toThrow(SyntaxError)
  })
})

describe('text', () => {
  test('any well-formed string comes back', () => {
    fc.assert(
      fc.property(nastyText, value => {
        expect(text().decode(text().encode(value))).toBe(value)
        expect(text().decode(Buffer.from(text().encode(value)))).toBe(value)
      }),
    )
  })

  test('other things are refused', () => {
    expect(refusal(() => text().encode(5 as unknown as string))).toContain('VALUE_INVALID the value is a number')
    expect(refusal(() => text().encode('secret\udc00'))).toMatch(/^VALUE_INVALID (?!.*secret)/)
  })
})

describe('bytes', () => {
  test('bytes come back, also from text', () => {
    const value = Uint8Array.from([0, 255, 1, 10])
    expect([...bytes().decode(bytes().encode(value))]).toEqual([...value])
    expect([...bytes().decode('é')]).toEqual([0xc3, 0xa9])
    expect(bytes().binary).toBe(true)
  })

  test('nobody else’s array changes what is stored, or what was read', () => {
    const given = Uint8Array.from([1, 2])
    const stored = bytes().encode(given)
    given[0] = 9
    const read = bytes().decode(stored)
    read[1] = 9
    expect([...bytes().decode(stored)]).toEqual([1, 2])
  })

  test('other things are refused', () => {
    expect(refusal(() => bytes().encode('x' as unknown as Uint8Array))).toContain('VALUE_INVALID the value is a string')
  })
})

describe('number', () => {
  test('finite numbers come back', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), value => {
        expect(number().decode(number().encode(value))).toBe(value + 0)
      }),
    )
  })

  test.each(['12', '-0.5', '1e21', '3.0e+5'])('%s is read', stored => {
    expect(number().decode(stored)).toBe(Number(stored))
  })

  test.each(['', ' 1', '0x10', 'NaN', 'Infinity', '1e999', '1,5', '{}'])('%j is not', stored => {
    expect(refusal(() => number().decode(stored))).toMatch(/^DECODE_FAILED/)
  })

  test.each([Number.NaN, Number.POSITIVE_INFINITY, '5', null])('%j is refused', value => {
    expect(refusal(() => number().encode(value as number))).toMatch(/^VALUE_INVALID/)
  })
})
