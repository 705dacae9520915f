import type { Codec } from '../codec.ts'
import { type ErrorCode, KeyplanError } from '../error.ts'
import { encodeJson } from './json.ts'
import { storedText } from './stored-text.ts'

/** The public interface that validation libraries share (Standard Schema, version 1), as far as it is used here. */
export interface StandardSchema<In = unknown, Out = In> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => Validation<Out> | Promise<Validation<Out>>
    /** Exists for the compiler alone. */
    readonly types?: { readonly input: In; readonly output: Out } | undefined
  }
}

export type Validation<Out> =
  | { readonly value: Out; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] }

export interface SchemaIssue {
  readonly message: string
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
}

/** Schemas may be functions as well as objects. */
export function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' || value === null) && typeof value !== 'function') return false
  const { '~standard': standard } = value as Partial<StandardSchema>
  return typeof standard === 'object' && standard !== null && typeof standard.validate === 'function'
}

/** Where an issue lies: `user.emails.0`, or `the value itself`. */
export function placeOf({ path }: SchemaIssue): string {
  if (!path || path.length === 0) return 'the value itself'
  return path.map(step => String(typeof step === 'object' ? step.key : step)).join('.')
}

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
