import type { Codec } from '../codec.ts'
import { KeyplanError, kindOf } from '../error.ts'
import { isWellFormed } from '../unicode.ts'
import { storedText } from './stored-text.ts'

/** Strings, stored as they are. */
export function text(): Codec<string> {
  return {
    name: 'text',
    binary: false,
    encode(value) {
      if (typeof value !== 'string') {
        throw new KeyplanError('VALUE_INVALID', `the value is ${kindOf(value)}; text() takes a string`)
      }
      if (!isWellFormed(value)) {
        throw new KeyplanError('VALUE_INVALID', 'the value is a string of ill-formed Unicode; use bytes() or json()')
      }
      return value
    },
    decode: storedText,
  }
}
