import zlib from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { valueProblems } from '../../../src/base/codec/codec-of.ts'
import { compressed } from '../../../src/base/codec/compressed.ts'
import { type Algorithm, algorithms, compress, decompress, isAvailable } from '../../../src/base/codec/compression.ts'
import { withHeader } from '../../../src/base/codec/header.ts'
import { json } from '../../../src/base/codec/json.ts'
import { text } from '../../../src/base/codec/text.ts'
import { refusal } from '../refusal.ts'

const long = 'All work and no play makes a dull key. '.repeat(200)
/** The same, as zstd packs it. */
const frame = Buffer.from('KLUv/WB4HYUBAHQCQWxsIHdvcmsgYW5kIG5vIHBsYXkgbWFrZXMgYSBkdWxsIGtleS4gAQB3ctWrJw==', 'base64')
const foreign = withHeader({ compression: 'zstd' }, frame)

/** Node has it from 22.15 on; with an older one these tests hold for the other two. */
const here = algorithms.filter(isAvailable)

test('gzip and brotli are everywhere, zstd where Node has it', () => {
  expect(here).toEqual('zstdCompressSync' in zlib ? ['gzip', 'brotli', 'zstd'] : ['gzip', 'brotli'])
})

describe.each(here)('%s', algorithm => {
  const codec = compressed(text(), { algorithm })

  test.each([1, 100, 255, 256, 70_000, 3_000_000])('%d bytes come back', length => {
    const plain = Buffer.alloc(length, 'abc')
    expect(plain.equals(decompress(algorithm, compress(algorithm, plain), length))).toBe(true)
  })

  test('it may be declared, and says in the header what it is', () => {
    expect(valueProblems(codec)).toEqual([])
    expect(codec.encode(long).length).toBeLessThan(300)
    expect(codec.decode(codec.encode(long))).toBe(long)
    expect(compressed(text()).decode(codec.encode(long))).toBe(long)
  })

  test('what is damaged, cut off or too large does not decode', () => {
    const packed = compress(algorithm, Buffer.from(long))
    const problem = `DECODE_FAILED the stored value is no ${algorithm} data`
    for (const part of [Buffer.from('xx'), ...[0, 1, 4, 5, 6, 8, 20].map(end => packed.subarray(0, end))]) {
      expect(refusal(() => decompress(algorithm, part, 10_000))).toBe(problem)
    }
    expect(refusal(() => decompress(algorithm, packed.subarray(0, -3), 10_000))).toBe(problem)
    expect(refusal(() => decompress(algorithm, packed, 7_799))).toContain('unpacks to more than 7799 bytes')
  })
})

describe('where Node has no zstd', () => {
  afterEach(() => vi.restoreAllMocks())
  const without = { ...zlib, zstdCompressSync: undefined, zstdDecompressSync: undefined }
  const older = () => vi.spyOn(process, 'getBuiltinModule').mockReturnValue(without)

  test('a plan that declares it is refused, and says what to do', () => {
    older()
    expect(valueProblems(compressed(json(), { algorithm: 'zstd' }))).toEqual([
      "the compression algorithm 'zstd' needs Node 22.15 or newer; use 'brotli' or 'gzip'",
    ])
    expect(valueProblems(compressed(json(), { algorithm: 'zip' as Algorithm }))).toEqual([
      "the compression algorithm must be 'gzip', 'brotli' or 'zstd'",
    ])
  })

  test('a value of a newer one does not decode, and says why', () => {
    older()
    const why = 'DECODE_FAILED the stored value is zstd data, which needs Node 22.15 or newer; read it there'
    expect(refusal(() => compressed(text()).decode(foreign))).toContain(why)
  })
})

test('zstd of other services is read as far as Node can', () => {
  const read = () => compressed(text()).decode(foreign)
  if (isAvailable('zstd')) expect(read()).toBe(long)
  else expect(refusal(read)).toContain('needs Node 22.15 or newer')
})
