import type { Codec } from '../codec.ts'
import { KeyplanError, kindOf } from '../error.ts'
import { storedBytes } from './stored-text.ts'

/** Binary data, stored as it is. Both directions copy: nobody else's array changes what is stored, or what was read. */
export function bytes(): Codec<Uint8Array> {
  return {
    name: 'bytes',
    binary: true,
    encode(value) {
      if (value instanceof Uint8Array) return Buffer.from(value)
      throw new KeyplanError('VALUE_INVALID', `the value is ${kindOf(value)}; bytes() takes a Uint8Array or Buffer`)
    },
    decode: stored => Buffer.from(storedBytes(stored)),
  }
}
