import type { Codec } from '../codec.ts'
import { KeyplanError, kindOf } from '../error.ts'
import { storedText } from './stored-text.ts'

const form = /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i

/** Finite numbers, stored in decimal as INCR and INCRBYFLOAT have them. */
export function number(): Codec<number> {
  return {
    name: 'number',
    binary: false,
    encode(value) {
      if (Number.isFinite(value)) return String(value)
      throw new KeyplanError('VALUE_INVALID', `the value is ${kindOf(value)}; number() takes a finite number`)
    },
    decode(stored) {
      const digits = storedText(stored)
      const value = form.test(digits) ? Number(digits) : Number.NaN
      if (Number.isFinite(value)) return value
      throw new KeyplanError('DECODE_FAILED', 'the stored value is not a number; something else wrote this key')
    },
  }
}
