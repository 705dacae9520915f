import { isWellFormed } from '../../base/unicode.ts'

/** The most bytes one encoded parameter may take in a key. */
export const maxValueBytes = 1_024

/** Stands for the empty value. No other value can produce it: after `%` the encoding only ever writes two hex digits. */
const empty = '%-'

// Built from strings because they name control characters, which a regular expression literal should not hold.
const reserved = '\\x00-\\x1f\\x7f-\\x9f%*<>?[\\\\\\]{}'
const special = new RegExp(`[:${reserved}]|^~`, 'g')
const specialInRest = new RegExp(`[${reserved}]|(?<=^|:)~`, 'g')

/** Printable ASCII that needs no encoding: nearly every value there is, known with one test. */
const plain = /^[ !"#$&'()+,\-./0-9;=@A-Z^_`a-z|][ !"#$&'()+,\-./0-9;=@A-Z^_`a-z|~]*$/

function percent(char: string): string {
  const code = char.charCodeAt(0)
  if (code >= 0x80) return encodeURIComponent(char)
  return `%${code < 16 ? '0' : ''}${code.toString(16).toUpperCase()}`
}

function fits(encoded: string): boolean {
  // A UTF-16 unit takes at most three bytes in UTF-8.
  return encoded.length * 3 <= maxValueBytes || Buffer.byteLength(encoded) <= maxValueBytes
}

/**
 * A value as it stands in a key: percent-encoded (UTF-8, upper-case hex) where it holds `: { } < > * ? [ ] \ %` or a
 * control character, and where it begins with `~`, so that no value can spell the `:~` of a helper key. A rest
 * parameter keeps its `:`. Injective: different values never give the same text.
 *
 * @returns undefined when the value is ill-formed Unicode or takes more than 1 kB encoded
 */
export function encodeValue(value: string, rest: boolean): string | undefined {
  if (plain.test(value)) return value.length <= maxValueBytes ? value : undefined
  if (value === '') return empty
  if (value.length > maxValueBytes || !isWellFormed(value)) return undefined
  const encoded = value.replace(rest ? specialInRest : special, percent)
  return fits(encoded) ? encoded : undefined
}

/** The inverse of {@link encodeValue}: undefined for every text that it cannot have written. */
export function decodeValue(text: string, rest: boolean): string | undefined {
  if (plain.test(text)) return text.length <= maxValueBytes ? text : undefined
  if (text === empty) return ''
  const value = percentDecoded(text)
  return value !== undefined && value !== '' && encodeValue(value, rest) === text ? value : undefined
}

function percentDecoded(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}

/** Longest value that is hashed, in UTF-16 units: a bound for the time one key may take. */
export const maxHashedLength = 1_048_576

/** 43 characters of base64url: the last one carries four bits, so only every fourth letter can stand there. */
const digestForm = /^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/

/** Loaded at the first hashed key: importing the library stays free of it. */
let hash: typeof import('node:crypto').hash | undefined

/** What a hashed parameter puts in the key: SHA-256 of its UTF-8, as base64url without padding. */
export function digest(value: string): string {
  hash ??= process.getBuiltinModule('node:crypto').hash
  return hash('sha256', value, 'base64url' as 'base64')
}

export function isDigest(text: string): boolean {
  return digestForm.test(text)
}
