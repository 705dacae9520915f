import { createHash } from 'node:crypto'
import { types } from 'node:util'
import { isKeyplanError, KeyplanError, kindOf } from '../../base/error.ts'

/**
 * The SHA-256 of a request, as base64url. Text and bytes count as they are, everything else as JSON with the fields of objects
 * in the order of their names. What JSON would write as something else has none, since another payload would have the same.
 *
 * @throws KeyplanError PARAM_INVALID for what JSON cannot hold, and for what it holds only as null or as an empty object
 */
export function fingerprintOf(payload: unknown): string {
  const exact = typeof payload === 'string' || payload instanceof Uint8Array
  return createHash('sha256')
    .update(exact ? payload : canonical(payload))
    .digest('base64url')
}

function canonical(payload: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(payload, faithful)
  } catch (error) {
    if (isKeyplanError(error)) throw error
  }
  if (text !== undefined) return text
  throw new KeyplanError('PARAM_INVALID', `the payload is ${kindOf(payload)} that JSON cannot hold; give text or bytes`)
}

/** @param this what has the value: JSON leaves a field out that it cannot write, but puts null into an array */
function faithful(this: unknown, name: string, value: unknown): unknown {
  const given = (this as Readonly<Record<string, unknown>>)[name]
  const becomesNull =
    (typeof value === 'number' && !Number.isFinite(value)) ||
    (Array.isArray(this) && unwritten.has(typeof value)) ||
    // Such as a Date that is none.
    (value === null && given !== null)
  const hidden = hides(value)
  if (hidden || becomesNull) {
    const what = hidden ? `an instance of ${tagOf(value)}` : kindOf(given)
    throw new KeyplanError('PARAM_INVALID', `the payload holds ${what}, which JSON cannot tell apart; write it as text`)
  }
  return isRecord(value) ? sorted(value) : value
}

const unwritten: ReadonlySet<string> = new Set(['undefined', 'function', 'symbol'])

/** What a value of the language or of the platform is, such as `Map` or `FormData`; `Object` for all others. */
const tagOf = (value: unknown): string => Object.prototype.toString.call(value).slice('[object '.length, -1)

/** Whether it is an object of which JSON shows nothing, or not what matters, whatever is in it: a Map, a File, an Error. */
function hides(value: unknown): boolean {
  if (!isRecord(value) || types.isTypedArray(value)) return false
  return types.isNativeError(value) || (tagOf(value) !== 'Object' && Object.keys(value).length === 0)
}

/** What JSON writes with its fields. */
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !types.isBoxedPrimitive(value)

/** Without a prototype, on which a field named __proto__ is one like any other. */
function sorted(record: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null)
  for (const name of Object.keys(record).sort()) result[name] = record[name]
  return result
}
