import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes } from '../../../src/base/codec/bytes.ts'
import { valueProblems } from '../../../src/base/codec/codec-of.ts'
import { compressed } from '../../../src/base/codec/compressed.ts'
import { headed } from '../../../src/base/codec/headed.ts'
import { json } from '../../../src/base/codec/json.ts'
import { type VectorOptions, vector } from '../../../src/base/codec/vector.ts'
import { versioned } from '../../../src/base/codec/versioned.ts'
import { refusal } from '../refusal.ts'

const vectors = fc.float32Array({ minLength: 1, maxLength: 100 })
/** NaN has many spellings, and zero two. */
const bits = (value: Float32Array) => [...new Uint32Array(value.slice().buffer)]

describe('vector', () => {
  test('every number comes back to the bit, wherever in its buffer the reply begins', () => {
    fc.assert(
      fc.property(vectors, fc.nat(7), (value, offset) => {
        const stored = vector().encode(value) as Uint8Array
        const reply = Buffer.alloc(offset + stored.length)
        reply.set(stored, offset)
        expect(bits(vector().decode(reply.subarray(offset)))).toEqual(bits(value))
      }),
    )
  })

  test('what is stored is 4 bytes a number, little-endian', () => {
    expect([...(vector().encode(Float32Array.of(1, -2)) as Uint8Array)]).toEqual([0, 0, 128, 63, 0, 0, 0, 192])
    const other = Buffer.alloc(12)
    other.writeFloatLE(0.5, 0)
    other.writeFloatLE(-1e-7, 4)
    other.writeFloatLE(3e38, 8)
    expect([...vector().decode(other)]).toEqual([0.5, Math.fround(-1e-7), Math.fround(3e38)])
    expect(vector().binary).toBe(true)
  })

  test('a part of a larger array is stored alone', () => {
    const part = Float32Array.of(1, 2, 3, 4).subarray(1, 3)
    expect([...vector().decode(vector().encode(part))]).toEqual([2, 3])
  })

  test('one of another realm is stored too', () => {
    expect([...vector().decode(vector().encode(runInNewContext('Float32Array.of(1, 2)')))]).toEqual([1, 2])
  })

  test('writer, store and readers have memory of their own', () => {
    const written = Float32Array.of(1, 2)
    const stored = vector().encode(written)
    written[0] = 9
    const first = vector().decode(stored)
    first[0] = 8
    expect([...vector().decode(stored)]).toEqual([1, 2])
  })

  test.each<[string, unknown, string]>([
    ['a list of numbers', [0.5], 'is an array; vector() takes a Float32Array; make one with Float32Array.from()'],
    ['doubles', Float64Array.of(0.5), 'is a Float64Array'],
    ['bytes', Buffer.of(1, 2, 3, 4), 'is a Uint8Array'],
    ['text', '[0.5]', 'is a string'],
    ['nothing', undefined, 'is undefined'],
    ['null', null, 'is null'],
    ['an empty vector', Float32Array.of(), 'has 0 dimensions and vector() takes at least 1'],
  ])('%s is refused', (_, value, problem) => {
    const message = refusal(() => vector().encode(value as Float32Array))
    expect(message).toContain(`VALUE_INVALID the value ${problem}`)
  })

  test.each([0, 1, 3, 5, 4_097])('%d bytes do not decode', length => {
    expect(refusal(() => vector().decode(Buffer.alloc(length)))).toMatch(/^DECODE_FAILED the stored value has/)
  })

  test('json() points to it', () => {
    expect(refusal(() => json().encode(Float32Array.of(1)))).toContain('use vector()')
  })
})

describe('dimensions', () => {
  const codec = vector({ dimensions: 3 })

  test('are held on write and on read', () => {
    fc.assert(
      fc.property(vectors, value => {
        const stored = vector().encode(value)
        if (value.length === 3) {
          expect(codec.encode(value)).toEqual(stored)
          expect(bits(codec.decode(stored))).toEqual(bits(value))
          return
        }
        const problem = `value has ${value.length} dimensions and vector() takes 3`
        expect(refusal(() => codec.encode(value))).toBe(`VALUE_INVALID the ${problem}`)
        expect(refusal(() => codec.decode(stored))).toBe(`DECODE_FAILED the stored ${problem}`)
      }),
    )
  })

  test('that cannot be are problems of the plan', () => {
    for (const dimensions of [0, -1, 1.5, Number.NaN, '3']) {
      expect(valueProblems(vector({ dimensions } as VectorOptions))).toEqual([
        expect.stringContaining('vector().dimensions is '),
      ])
    }
    expect(valueProblems(vector(1536 as VectorOptions))).toEqual([
      'vector() is a number; write an object with dimensions',
    ])
    expect(valueProblems(vector({ dimension: 3 } as VectorOptions))[0]).toContain('did you mean vector().dimensions?')
    expect(valueProblems(codec)).toEqual([])
  })
})

test('it goes together with tags, versions and compression', () => {
  fc.assert(
    fc.property(vectors, value => {
      const tagged = headed(vector())
      const sealed = tagged.open(tagged.seal(value, { tags: ['3', '4'] }))
      expect(sealed.marks.tags).toEqual(['3', '4'])
      expect(bits(sealed.value())).toEqual(bits(value))
      const packed = compressed(vector(), { above: '1b' })
      expect(bits(packed.decode(packed.encode(value)))).toEqual(bits(value))
      // Bytes that could be taken for a header are none.
      expect(bits(tagged.decode(tagged.encode(value)))).toEqual(bits(value))
    }),
  )
  const doubled = versioned(vector(), {
    version: 1,
    upcast: old =>
      vector()
        .decode(old as Uint8Array)
        .map(number => number * 2),
  })
  expect([...doubled.decode(bytes().encode(Buffer.from([0, 0, 128, 63])))]).toEqual([2])
})
