import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Header, readHeader, withHeader } from '../../../src/base/codec/header.ts'
import { nastyText } from '../../plan/pattern/nasty-text.ts'
import { refusal } from '../refusal.ts'

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })
const header = fc.record({
  version: optional(fc.integer({ min: 1, max: 1_000_000 })),
  compression: optional(fc.constantFrom('gzip' as const, 'brotli' as const, 'zstd' as const)),
  freshUntil: optional(fc.integer({ min: 0, max: 8_640_000_000_000_000 })),
  dueAt: optional(fc.integer({ min: 0, max: 8_640_000_000_000_000 })),
  loadMs: optional(fc.integer({ min: 0, max: 86_400_000 })),
  none: optional(fc.constant(true)),
  named: optional(fc.array(fc.string({ minLength: 1, unit: 'grapheme' }), { minLength: 1, maxLength: 5 })),
  tags: optional(fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n }).map(String), { minLength: 1, maxLength: 5 })),
})
const stored = fc.oneof(
  fc.string(),
  fc.string().map(text => `\x01${text}`),
  fc.uint8Array(),
)
const defined = (fields: Header) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

describe('header', () => {
  test('whatever stands in it and behind it comes back, as text and as bytes', () => {
    fc.assert(
      fc.property(header, stored, (fields, payload) => {
        const read = readHeader(withHeader(fields, payload))
        expect(read.header).toEqual(defined(fields))
        expect(typeof read.payload).toBe(typeof payload)
        expect(Buffer.from(read.payload as string)).toEqual(Buffer.from(payload as string))
      }),
      { numRuns: 1_000 },
    )
  })

  test('text that is read as bytes gives the same', () => {
    fc.assert(
      fc.property(header, nastyText, (fields, payload) => {
        const read = readHeader(Buffer.from(withHeader(fields, payload) as string))
        expect(read.header).toEqual(defined(fields))
        expect(Buffer.from(read.payload as Uint8Array).toString()).toBe(payload)
      }),
    )
  })

  test('its form is plain text that a script can write', () => {
    const fields: Header = { version: 2, compression: 'gzip', freshUntil: 1_700_000_000_000.9, tags: ['17', '18'] }
    expect(withHeader(fields, '{}')).toBe('\x01v2 zg f1700000000000 t17,18\n{}')
    expect(withHeader({ compression: 'brotli' }, '?')).toBe('\x01zb\n?')
    expect(withHeader({ compression: 'zstd' }, '?')).toBe('\x01zz\n?')
    expect(readHeader('\x01t9007199254740993\n[]')).toEqual({ header: { tags: ['9007199254740993'] }, payload: '[]' })
  })

  test('with nothing to say there is none, unless the payload could be taken for one', () => {
    expect(withHeader({ version: 0, tags: [] }, '{}')).toBe('{}')
    expect(withHeader({}, '\x01v2\nx')).toBe('\x01\n\x01v2\nx')
    expect(readHeader('\x01\n\x01v2\nx')).toEqual({ header: {}, payload: '\x01v2\nx' })
  })

  test.each([
    '',
    '{"a":1}',
    'v2\nx',
    '\x01',
    '\x01v2',
    '\x01hello\nx',
    '\x01t\nx',
    '\x01t1,,2\nx',
    '\x01f-1\nx',
    '\x01zx\nx',
    '\x01z\nx',
    '\x01zgzip\nx',
    '\x01zconstructor\nx',
  ])('%j has no header', value => {
    expect(readHeader(value)).toEqual({ header: {}, payload: value })
    expect(readHeader(Buffer.from(value))).toEqual({ header: {}, payload: Buffer.from(value) })
  })

  test('the longest one is read, and a longer one is not written', () => {
    const longest = (length: number) => ({ named: ['a'.repeat(length - 1)] })
    expect(readHeader(withHeader(longest(8_191), 'x'))).toEqual({ header: longest(8_191), payload: 'x' })
    expect(refusal(() => withHeader(longest(8_192), 'x'))).toContain('VALUE_INVALID its header takes 8193 bytes')
  })

  test('a first line without end is not searched for fields', () => {
    const value = `\x01t${'1,'.repeat(4_096)}1\nx`
    expect(readHeader(value).payload).toBe(value)
  })
})
