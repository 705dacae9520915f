import { KeyplanError } from '../error.ts'

/** Their first letters tell them apart in a header. */
export const algorithms = ['gzip', 'brotli', 'zstd'] as const

export type Algorithm = (typeof algorithms)[number]

/** What node:zlib has from Node 22.15 on. */
interface Zstd {
  zstdCompressSync(payload: Uint8Array): Uint8Array
  zstdDecompressSync(payload: Uint8Array, options: { maxOutputLength: number }): Uint8Array
}

/** Loaded at the first value that is large enough: importing the library stays free of it. */
const zlib = (): typeof import('node:zlib') & Partial<Zstd> => process.getBuiltinModule('node:zlib')

/** Whether this Node can compress and decompress with it. */
export function isAvailable(algorithm: Algorithm): boolean {
  return algorithm !== 'zstd' || zlib().zstdDecompressSync !== undefined
}

/** The algorithm must be available. */
export function compress(algorithm: Algorithm, payload: Uint8Array): Uint8Array {
  const { gzipSync, brotliCompressSync, zstdCompressSync, constants } = zlib()
  if (algorithm === 'gzip') return gzipSync(payload)
  if (algorithm === 'zstd') return zstdCompressSync!(payload)
  // The default quality of 11 is meant for files that are compressed once; 4 is near gzip in time, smaller in size.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: payload.length }
  return brotliCompressSync(payload, { params })
}

/**
 * @throws KeyplanError DECODE_FAILED when the payload is damaged or unpacks to more than `maxBytes`, or this Node does not
 * have the algorithm
 */
export function decompress(algorithm: Algorithm, payload: Uint8Array, maxBytes: number): Uint8Array {
  if (!isAvailable(algorithm)) {
    const remedy = "read it there, or write with 'brotli' or 'gzip' while older ones read"
    throw new KeyplanError('DECODE_FAILED', `the stored value is zstd data, which needs Node 22.15 or newer; ${remedy}`)
  }
  const { gunzipSync, brotliDecompressSync, zstdDecompressSync } = zlib()
  const unpack = { gzip: gunzipSync, brotli: brotliDecompressSync, zstd: zstdDecompressSync! }[algorithm]
  let cause: unknown
  try {
    const plain = unpack(payload, { maxOutputLength: maxBytes })
    if (algorithm !== 'zstd' || plain.length === contentSize(payload)) return plain
  } catch (error) {
    cause = error
  }
  const tooLarge = cause instanceof RangeError
  const problem = tooLarge ? `unpacks to more than ${maxBytes} bytes; raise maxBytes` : `is no ${algorithm} data`
  throw new KeyplanError('DECODE_FAILED', `the stored value ${problem}`, { cause })
}

/**
 * How long a zstd frame says its content is; undefined when it does not. Half a frame unpacks without an error in Node,
 * to half of the content or to none.
 */
function contentSize(frame: Uint8Array): number | undefined {
  const [, , , , descriptor = 0] = frame
  const single = (descriptor & 0x20) !== 0
  const size = [single ? 1 : 0, 2, 4, 8][descriptor >> 6]!
  const dictionary = [0, 1, 2, 4][descriptor & 3]!
  const at = 5 + (single ? 0 : 1) + dictionary
  if (size === 0 || frame.length < at + size) return undefined
  const view = new DataView(frame.buffer, frame.byteOffset + at, size)
  if (size === 1) return view.getUint8(0)
  if (size === 2) return view.getUint16(0, true) + 256
  return size === 4 ? view.getUint32(0, true) : Number(view.getBigUint64(0, true))
}
