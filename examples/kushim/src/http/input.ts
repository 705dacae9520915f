import { badInput } from './http-error.ts'
import { whatWasMeant } from './spelling.ts'

/** The longest an identifier may be, in characters: it becomes part of a Redis key and of an index. */
const identifierLength = 200

// Lone surrogates cannot be stored as UTF-8, and PostgreSQL's text holds no NUL.
const unstorable = /\p{Surrogate}|\0/u

/** Checked text. `min` is 1 by default: an empty string is a missing one. */
export function text(field: string, value: unknown, { min = 1, max = identifierLength } = {}): string {
  if (value === undefined || value === null) throw badInput(field, 'is required')
  if (typeof value !== 'string') throw badInput(field, 'must be a string')
  if (value.trim().length < min) throw badInput(field, 'must not be empty')
  if (value.length > max) throw badInput(field, `must be at most ${max} characters`)
  if (unstorable.test(value)) throw badInput(field, 'holds characters that cannot be stored')
  return value
}

export function optionalText(field: string, value: unknown, bounds: { min?: number; max?: number } = {}) {
  return value === undefined || value === null ? undefined : text(field, value, bounds)
}

/** A list of texts without duplicates, in the order given. Left out, it is `undefined`. */
export function texts(field: string, value: unknown, { items = 100, max = identifierLength } = {}) {
  if (value === undefined || value === null) return undefined
  if (!Array.isArray(value)) throw badInput(field, 'must be an array of strings')
  if (value.length > items) throw badInput(field, `must hold at most ${items} items`)
  return [...new Set(value.map((item, index) => text(`${field}[${index}]`, item, { max })))]
}

export function wholeNumber(field: string, value: string, min: number, max: number): number {
  if (!/^\d{1,9}$/.test(value) || Number(value) < min || Number(value) > max) {
    throw badInput(field, `must be a whole number from ${min} to ${max}`)
  }
  return Number(value)
}

/** A JSON object whose fields are all among `known`: a misspelt field is an error, not a silent default. */
export function object(field: string, value: unknown, known: readonly string[]): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw badInput(field, 'must be a JSON object')
  }
  for (const name of Object.keys(value)) {
    if (!known.includes(name)) throw badInput(name, `is not a field here; ${whatWasMeant(name, known)}`)
  }
  return value as Record<string, unknown>
}

/** The parameters of a query: all of them known, and each given once. */
export function parameters(query: URLSearchParams, known: readonly string[]): Record<string, string> {
  const given: Record<string, string> = {}
  for (const [name, value] of query) {
    if (!known.includes(name)) throw badInput(name, `is not a parameter here; ${whatWasMeant(name, known)}`)
    if (name in given) throw badInput(name, 'is given twice')
    given[name] = value
  }
  return given
}
