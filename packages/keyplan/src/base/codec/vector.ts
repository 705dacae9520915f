import type { Codec } from '../codec.ts'
import { KeyplanError, kindOf, shown } from '../error.ts'
import { groupProblems } from '../option-group.ts'
import { storedBytes } from './stored-text.ts'

export interface VectorOptions {
  /** How many numbers a vector has. One of another length is refused, and does not decode. Default: any. */
  dimensions?: number
}

/** A codec of vectors. */
export interface VectorCodec extends Codec<Float32Array> {
  /** What is wrong with its options, for the declaration that uses it. */
  readonly problems: readonly string[]
}

/** The bytes of one number. */
const width = Float32Array.BYTES_PER_ELEMENT

/** Whether this machine keeps its numbers as they are stored. */
const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1

/**
 * Embeddings and other vectors of 32-bit floats, stored as their bytes, little-endian, without a header: what the field
 * type VECTOR FLOAT32 of Redis' search takes, and what numpy's `astype('<f4').tobytes()` gives. 4 bytes a number, where
 * JSON takes around 20 and has to be parsed. Every bit comes back as it was.
 *
 * Both directions copy: what is stored does not change with the array that was written, and every reader gets an array
 * of its own. Wrong options are reported by `definePlan`.
 */
export function vector(options: VectorOptions = {}): VectorCodec {
  const problems = groupProblems(options, 'vector()', ['dimensions'])
  const { dimensions } = options ?? {}
  if (dimensions !== undefined && !(Number.isSafeInteger(dimensions) && dimensions > 0)) {
    problems.push(`vector().dimensions is ${shown(dimensions)}; give a whole number from 1`)
  }
  /** What is wrong with a number of dimensions. */
  const misfit = (length: number): string | undefined => {
    if (dimensions === undefined ? length > 0 : length === dimensions) return undefined
    return `has ${length} dimensions and vector() takes ${dimensions ?? 'at least 1'}`
  }

  return {
    name: 'vector',
    binary: true,
    problems,
    encode(value) {
      const type = viewType(value)
      if (type !== 'Float32Array') {
        const remedy = 'vector() takes a Float32Array; make one with Float32Array.from()'
        throw new KeyplanError('VALUE_INVALID', `the value is ${type ? `a ${type}` : kindOf(value)}; ${remedy}`)
      }
      const problem = misfit(value.length)
      if (problem) throw new KeyplanError('VALUE_INVALID', `the value ${problem}`)
      const stored = Buffer.from(value.slice().buffer)
      return littleEndian ? stored : stored.swap32()
    },
    decode(stored) {
      const bytes = storedBytes(stored)
      const length = bytes.length / width
      const problem = Number.isInteger(length)
        ? misfit(length)
        : `has ${bytes.length} bytes and a number takes ${width}; something else wrote this key`
      if (problem) throw new KeyplanError('DECODE_FAILED', `the stored value ${problem}`)
      const value = new Float32Array(length)
      const copy = Buffer.from(value.buffer)
      copy.set(bytes)
      if (!littleEndian) copy.swap32()
      return value
    },
  }
}

/** Which view on bytes it is, also when it was made in another realm, where test runners run what they test. */
function viewType(value: unknown): string | undefined {
  return ArrayBuffer.isView(value) ? Object.prototype.toString.call(value).slice(8, -1) : undefined
}
