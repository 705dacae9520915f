import type { Codec } from '../codec.ts'
import { type ErrorCode, KeyplanError } from '../error.ts'
import { encodeJson } from './json.ts'
import { placeOf, type StandardSchema } from './standard-schema.ts'
import { storedText } from './stored-text.ts'

/**
 * A schema as a codec. A write takes the schema's input, validates it and stores that input as plain JSON; a read
 * validates what is stored and gives the schema's output, so that defaults and transforms apply on reading. The first
 * write also reads its own result back, to find a schema whose input does not survive JSON.
 *
 * Errors name the places that do not fit, not the validator's messages: those may quote the value.
 */
export function schemaCodec<In, Out>(schema: StandardSchema<In, Out>): Codec<In, Out> {
  const { vendor, validate } = schema['~standard']
  let proven = false

  const checked = (value: unknown, code: ErrorCode, what: string): Out => {
    const result = validate(value)
    if (result instanceof Promise) {
      // Its outcome no longer matters, but its rejection must not end the process.
      result.catch(() => undefined)
      throw new KeyplanError('VALUE_INVALID', `the ${vendor} schema validates asynchronously; use one that does not`)
    }
    if (!result.issues) return result.value
    const problems = [...new Set(result.issues.map(placeOf))]
    throw new KeyplanError(code, `${what} does not fit its ${vendor} schema at ${problems.join(', ')}`, { problems })
  }

  const decode = (stored: string): Out => checked(JSON.parse(stored), 'DECODE_FAILED', 'the stored value')

  const prove = (stored: string): void => {
    try {
      decode(stored)
    } catch (cause) {
      const remedy = 'make its input plain JSON, e.g. an ISO string that it turns into a date'
      throw new KeyplanError('VALUE_INVALID', `the ${vendor} schema refuses its own value as JSON; ${remedy}`, {
        cause,
      })
    }
    proven = true
  }

  return {
    name: vendor,
    binary: false,
    format: 'json',
    encode(value) {
      checked(value, 'VALUE_INVALID', 'the value')
      const stored = encodeJson(value)
      if (!proven) prove(stored)
      return stored
    },
    decode: stored => decode(storedText(stored)),
  }
}
