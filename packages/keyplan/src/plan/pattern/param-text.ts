import { KeyplanError, kindOf } from '../../base/error.ts'
import { isWellFormed } from '../../base/unicode.ts'
import type { ParamPart } from './pattern.ts'
import { digest, encodeValue, maxHashedLength, maxValueBytes } from './value.ts'

/** Turns the value of one parameter into its text in the key. */
export type ParamText = (value: string | number | undefined) => string

/**
 * Compiles the text of one parameter. The pattern stands in the errors, the value never does.
 *
 * @param excluded characters a value may not hold where it is written as it is; undefined where it is encoded
 */
export function paramText({ param, rest, hashed }: ParamPart, source: string, excluded: string | undefined): ParamText {
  const refuse = (problem: string): never => {
    throw new KeyplanError('PARAM_INVALID', `parameter '${param}' of '${source}' ${problem}`)
  }
  const stringOf = (value: unknown): string => {
    if (typeof value === 'string') return value
    if (typeof value === 'number' && Number.isFinite(value)) return String(value)
    return refuse(`is ${kindOf(value)}; give a string or a finite number`)
  }
  const refuseText = (text: string): never =>
    isWellFormed(text)
      ? refuse(`takes more than ${maxValueBytes} bytes in the key; declare it hashed`)
      : refuse('is ill-formed Unicode (half of a surrogate pair); clean it where it enters')

  if (excluded !== undefined) {
    return value => {
      const text = stringOf(value)
      if (text === '' || !isWellFormed(text)) return refuse('is empty or ill-formed Unicode; these keys cannot hold it')
      for (const char of excluded) {
        if (text.includes(char)) return refuse(`holds '${char}', which ends it; these keys cannot hold it`)
      }
      return text
    }
  }
  if (hashed) {
    return value => {
      const text = stringOf(value)
      if (!isWellFormed(text)) return refuseText(text)
      if (text.length > maxHashedLength) return refuse(`is longer than ${maxHashedLength} characters; shorten it`)
      return digest(text)
    }
  }
  return value => {
    // What a number prints needs no encoding.
    if (typeof value !== 'string') return stringOf(value)
    return encodeValue(value, rest) ?? refuseText(value)
  }
}
