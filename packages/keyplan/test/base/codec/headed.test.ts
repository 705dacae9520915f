import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes } from '../../../src/base/codec/bytes.ts'
import { valueProblems } from '../../../src/base/codec/codec-of.ts'
import { type CompressionOptions, compressed } from '../../../src/base/codec/compressed.ts'
import { headed } from '../../../src/base/codec/headed.ts'
import { readHeader, withHeader } from '../../../src/base/codec/header.ts'
import { json } from '../../../src/base/codec/json.ts'
import { text } from '../../../src/base/codec/text.ts'
import { vector } from '../../../src/base/codec/vector.ts'
import { versioned } from '../../../src/base/codec/versioned.ts'
import { nastyText } from '../../plan/pattern/nasty-text.ts'
import { refusal } from '../refusal.ts'

const marks = { freshUntil: 5_000, tags: ['3', '4'] }

describe('the headed form', () => {
  test('carries marks that are read before the value', () => {
    const codec = headed(json<{ a: number }>())
    const sealed = codec.open(codec.seal({ a: 1 }, marks))
    expect(sealed.marks).toEqual(marks)
    expect(sealed.value()).toEqual({ a: 1 })
  })

  test('a value without a header is fresh, untagged and of version 0', () => {
    const sealed = headed(json()).open('{"a":1}')
    expect([sealed.marks, sealed.value()]).toEqual([{}, { a: 1 }])
  })

  test('a broken value shows only when it is read', () => {
    const sealed = headed(json()).open('\x01t3\n{')
    expect(sealed.marks.tags).toEqual(['3'])
    expect(() => sealed.value()).toThrow(SyntaxError)
  })

  test('is renewed without touching the payload, and may stand for no value', () => {
    const codec = headed(compressed(json<string>(), { above: '1b' }))
    const sealed = codec.seal('x'.repeat(2_000), marks)
    const renewed = codec.renew(sealed, { freshUntil: 9_000, loadMs: 3 })
    expect(codec.open(renewed).marks).toEqual({ compression: 'gzip', freshUntil: 9_000, loadMs: 3 })
    expect(codec.open(renewed).value()).toBe('x'.repeat(2_000))
    expect(codec.open(codec.sealNone({ tags: ['7'] })).marks).toEqual({ none: true, tags: ['7'] })
  })

  test('as a plain codec it writes what other languages read', () => {
    expect(headed(json()).encode([1])).toBe('[1]')
    expect(headed(text()).decode('x')).toBe('x')
  })
})

describe('versions', () => {
  interface Name {
    first: string
    last: string
  }
  const codec = versioned(json<Name>(), {
    version: 2,
    upcast(old, from) {
      const [first = '', last = ''] = (from === 0 ? (old as string) : (old as { name: string }).name).split(' ')
      return { first, last }
    },
  })

  test('every older version is brought up to date', () => {
    const ada = { first: 'Ada', last: 'Lovelace' }
    expect(codec.decode('"Ada Lovelace"')).toEqual(ada)
    expect(codec.decode('\x01v1\n{"name":"Ada Lovelace"}')).toEqual(ada)
    expect(codec.encode(ada)).toBe('\x01v2\n{"first":"Ada","last":"Lovelace"}')
    expect(codec.decode(codec.encode(ada))).toEqual(ada)
  })

  test('a newer one, and an older one without an upcast, do not decode', () => {
    expect(refusal(() => codec.decode('\x01v3\n{}'))).toContain('DECODE_FAILED the stored value has version 3')
    expect(refusal(() => versioned(json(), { version: 1 }).decode('{}'))).toContain('no upcast to 1')
    expect(refusal(() => headed(json()).decode('\x01v1\n{}'))).toContain('reads up to 0')
  })

  test('an upcast of text is given text', () => {
    const loud = versioned(text(), { version: 1, upcast: old => String(old).toUpperCase() })
    expect(loud.decode('abc')).toBe('ABC')
  })

  test.each([0, -1, 1.5, Number.NaN])('version %d is a problem of the plan', version => {
    expect(valueProblems(versioned(json(), { version }))).toEqual([
      'the version of a value must be a whole number from 1',
    ])
  })
})

describe('compression', () => {
  const long = 'All work and no play makes a dull key. '.repeat(200)

  test.each<CompressionOptions>([{}, { algorithm: 'brotli' }, { above: '1b' }])('%j: values come back', options => {
    for (const codec of [compressed(json<string>(), options), compressed(text(), options)]) {
      expect(codec.binary).toBe(true)
      fc.assert(
        fc.property(
          fc.array(nastyText, { maxLength: 500 }).map(parts => parts.join('')),
          value => {
            expect(codec.decode(codec.encode(value))).toBe(value)
            expect(codec.open(codec.seal(value, marks)).marks).toMatchObject(marks)
          },
        ),
        { numRuns: 50 },
      )
      expect(codec.encode(long).length).toBeLessThan(300)
      expect(codec.decode(codec.encode(long))).toBe(long)
    }
    const binary = compressed(bytes(), options)
    expect(Buffer.from(binary.decode(binary.encode(Buffer.from(long)))).toString()).toBe(long)
  })

  test('the threshold is in bytes, and what does not shrink stays as it is', () => {
    const codec = compressed(text(), { above: '1kb' })
    expect(codec.encode('x'.repeat(1_024))).toBe('x'.repeat(1_024))
    expect(readHeader(codec.encode('x'.repeat(1_025))).header.compression).toBe('gzip')
    expect(readHeader(codec.encode('é'.repeat(513))).header.compression).toBe('gzip')
    const noise = Uint8Array.from({ length: 2_000 }, (_, index) => (index * index * 31 + (index >> 3) * 97) & 255)
    const packed = gzipSync(noise)
    expect(compressed(bytes()).encode(packed)).toEqual(packed)
  })

  test('it is gzip for every language', () => {
    const { payload } = readHeader(compressed(text()).encode(long))
    expect(gunzipSync(payload as Uint8Array).toString()).toBe(long)
  })

  test('values of before, and of the other algorithm, stay readable', () => {
    const gzip = compressed(text())
    const brotli = compressed(text(), { algorithm: 'brotli' })
    expect(gzip.decode(Buffer.from('plain'))).toBe('plain')
    expect(gzip.decode(brotli.encode(long))).toBe(long)
    expect(headed(bytes()).decode(compressed(bytes()).encode(Buffer.from(long)))).toEqual(Buffer.from(long))
    expect(refusal(() => headed(text()).decode('\x01zg\n??'))).toContain('declare its codec compressed()')
  })

  test('what would unpack to more than may be is not written', () => {
    const codec = compressed(text(), { maxBytes: '10kb' })
    expect(codec.decode(codec.encode('x'.repeat(10_240)))).toHaveLength(10_240)
    expect(refusal(() => codec.encode('x'.repeat(10_241)))).toContain(
      'VALUE_INVALID the value takes 10241 bytes and compressed() reads up to 10240',
    )
  })

  test('a bomb does not go off', () => {
    const bomb = withHeader({ compression: 'gzip' }, gzipSync(Buffer.alloc(1_000_000)))
    const codec = compressed(bytes(), { maxBytes: '10kb' })
    expect(refusal(() => codec.decode(bomb))).toContain(
      'DECODE_FAILED the stored value unpacks to more than 10240 bytes',
    )
    expect(compressed(bytes()).decode(bomb)).toHaveLength(1_000_000)
  })

  test('damaged data does not decode', () => {
    expect(refusal(() => compressed(text()).decode(Buffer.from('\x01zg\nxx')))).toContain('is no gzip data')
    expect(refusal(() => compressed(text()).decode(Buffer.from('\x01zb\nxx')))).toContain('is no brotli data')
  })

  test('wrong options are problems of the plan', () => {
    const wrong = { algorithm: 'zip', above: '1', maxBytes: '0b' } as unknown as CompressionOptions
    expect(valueProblems(compressed(json(), wrong))).toHaveLength(3)
    expect(valueProblems(compressed(json()))).toEqual([])
    expect(valueProblems(compressed(vector({ dimensions: 0 }), wrong))).toHaveLength(4)
  })

  test('it goes together with versions, in either order', () => {
    const upcast = (old: unknown) => `${String(old)}!`
    for (const codec of [
      versioned(compressed(json<string>()), { version: 1, upcast }),
      compressed(versioned(json<string>(), { version: 1, upcast })),
    ]) {
      expect(readHeader(codec.encode(long)).header).toEqual({ version: 1, compression: 'gzip' })
      expect(codec.decode(codec.encode(long))).toBe(long)
      expect(codec.decode(compressed(json<string>()).encode(long))).toBe(`${long}!`)
    }
  })
})
