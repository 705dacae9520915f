import { createHash } from 'node:crypto'
import { KeyplanError, kindOf } from '../../base/error.ts'

/**
 * The SHA-256 of a request, as base64url. Text and bytes count as they are, everything else as JSON with the fields of objects
 * in the order of their names.
 *
 * @throws KeyplanError PARAM_INVALID for what JSON cannot hold
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
    text = JSON.stringify(payload, (_, value: unknown) => (isRecord(value) ? sorted(value) : value))
  } catch {
    text = undefined
  }
  if (text !== undefined) return text
  throw new KeyplanError('PARAM_INVALID', `the payload is ${kindOf(payload)} that JSON cannot hold; give text or bytes`)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Without a prototype, on which a field named __proto__ is one like any other. */
function sorted(record: Record<string, unknown>): Record<string, unknown> {
  const result: Record<string, unknown> = Object.create(null)
  for (const name of Object.keys(record).sort()) result[name] = record[name]
  return result
}
