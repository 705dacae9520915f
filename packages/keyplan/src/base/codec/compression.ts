import { KeyplanError } from '../error.ts'

export type Algorithm = 'gzip' | 'brotli'

/** Loaded at the first value that is large enough: importing the library stays free of it. */
const zlib = () => process.getBuiltinModule('node:zlib')

export function compress(algorithm: Algorithm, payload: Uint8Array): Uint8Array {
  if (algorithm === 'gzip') return zlib().gzipSync(payload)
  const { brotliCompressSync, constants } = zlib()
  // The default quality of 11 is meant for files that are compressed once; 4 is near gzip in time, smaller in size.
  const params = { [constants.BROTLI_PARAM_QUALITY]: 4, [constants.BROTLI_PARAM_SIZE_HINT]: payload.length }
  return brotliCompressSync(payload, { params })
}

/** @throws KeyplanError DECODE_FAILED when the payload is damaged or unpacks to more than `maxBytes` */
export function decompress(algorithm: Algorithm, payload: Uint8Array, maxBytes: number): Uint8Array {
  const { gunzipSync, brotliDecompressSync } = zlib()
  const unpack = algorithm === 'gzip' ? gunzipSync : brotliDecompressSync
  try {
    return unpack(payload, { maxOutputLength: maxBytes })
  } catch (cause) {
    const tooLarge = cause instanceof RangeError
    const problem = tooLarge ? `unpacks to more than ${maxBytes} bytes; raise maxBytes` : `is no ${algorithm} data`
    throw new KeyplanError('DECODE_FAILED', `the stored value ${problem}`, { cause })
  }
}
