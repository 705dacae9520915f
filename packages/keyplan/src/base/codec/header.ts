import type { Stored } from '../codec.ts'
import { KeyplanError } from '../error.ts'
import { type Algorithm, algorithms } from './compression.ts'

/** What a stored value says of itself. */
export interface Header {
  /** The version of the value's shape. Without one it is 0. */
  readonly version?: number | undefined
  readonly compression?: Algorithm | undefined
  /** Epoch milliseconds until which the value is fresh. Without one it always is. */
  readonly freshUntil?: number | undefined
  /** Epoch milliseconds from which it is to be loaded anew ahead of that. */
  readonly dueAt?: number | undefined
  /** How long it took to load, in milliseconds. */
  readonly loadMs?: number | undefined
  /** It stands for the knowledge that there is no value. */
  readonly none?: boolean | undefined
  /** The tags that its loader named, beside those that the namespace declares. */
  readonly named?: readonly string[] | undefined
  /** The versions of its tags when it was loaded, as decimal strings: of the declared ones in their order, then of the named. */
  readonly tags?: readonly string[] | undefined
}

export interface Headed {
  readonly header: Header
  readonly payload: Stored
}

/** Begins no JSON text, and no text that people write. */
const lead = 1
const newline = 10
/**
 * A longer first line is payload. The tags of a cache may take 6,000 bytes: 2,000 for the names that a loader gives, and 20
 * for the version of each, of which there are 200 at most.
 */
const maxLength = 8_192
const bare: Header = Object.freeze({})

/**
 * Puts a header before a payload: byte 1, fields of one letter and a value, divided by spaces, then a newline.
 * `v2 zg f1700000000000 t17,18` is version 2, gzip (`zb` is brotli, `zz` zstd), fresh until then, with two tag versions.
 * A script can write it by joining strings. With nothing to say there is no header at all.
 *
 * @throws KeyplanError VALUE_INVALID for one that would not be read as a header
 */
export function withHeader(header: Header, payload: Stored): Stored {
  const { version, compression, freshUntil, dueAt, loadMs, none, named, tags } = header
  let fields = ''
  if (version) fields += ` v${version}`
  if (compression) fields += ` z${compression[0]}`
  if (freshUntil !== undefined) fields += ` f${Math.floor(freshUntil)}`
  if (dueAt !== undefined) fields += ` d${Math.floor(dueAt)}`
  if (loadMs !== undefined) fields += ` l${Math.ceil(loadMs)}`
  if (none) fields += ' n'
  if (named && named.length > 0) fields += ` g${named.map(encodeURIComponent).join(',')}`
  if (tags && tags.length > 0) fields += ` t${tags.join(',')}`
  if (fields === '' && !beginsWithLead(payload)) return payload
  if (fields.length > maxLength) {
    throw new KeyplanError(
      'VALUE_INVALID',
      `its header takes ${fields.length} bytes, of ${maxLength}; let it carry fewer tags`,
    )
  }
  const line = `\x01${fields.slice(1)}\n`
  return typeof payload === 'string' ? line + payload : Buffer.concat([Buffer.from(line, 'latin1'), payload])
}

/** Takes a stored value apart. One without a well-formed header is payload altogether. */
export function readHeader(stored: Stored): Headed {
  if (!beginsWithLead(stored)) return { header: bare, payload: stored }
  const end = typeof stored === 'string' ? stored.indexOf('\n') : stored.indexOf(newline)
  if (end < 0 || end > maxLength) return { header: bare, payload: stored }
  const line = typeof stored === 'string' ? stored.slice(1, end) : latin1(stored, end)
  const header = readFields(line)
  if (!header) return { header: bare, payload: stored }
  return { header, payload: typeof stored === 'string' ? stored.slice(end + 1) : stored.subarray(end + 1) }
}

/** Whether it may begin with a header. */
export function beginsWithLead(stored: Stored): boolean {
  return (typeof stored === 'string' ? stored.charCodeAt(0) : stored[0]) === lead
}

function latin1(stored: Uint8Array, end: number): string {
  return Buffer.from(stored.buffer, stored.byteOffset + 1, end - 1).toString('latin1')
}

const versions = /^\d+(?:,\d+)*$/

type Fields = { -readonly [Field in keyof Header]: Header[Field] }

const numbers = { v: 'version', f: 'freshUntil', d: 'dueAt', l: 'loadMs' } as const satisfies Record<
  string,
  keyof Header
>

/** Undefined when one field is not of these. */
function readFields(line: string): Header | undefined {
  if (line === '') return bare
  const header: Fields = {}
  for (const field of line.split(' ')) if (!readField(header, field[0], field.slice(1))) return undefined
  return header
}

function readField(header: Fields, letter: string | undefined, value: string): boolean {
  if (letter === 'n') {
    header.none = true
    return value === ''
  }
  if (letter === 'g') return readNames(header, value)
  if (letter === 't') {
    header.tags = value.split(',')
    return versions.test(value)
  }
  if (letter === 'z') {
    header.compression = algorithms.find(name => name[0] === value)
    return header.compression !== undefined
  }
  const name = numbers[letter as keyof typeof numbers]
  if (name === undefined || !/^\d+$/.test(value)) return false
  header[name] = Number(value)
  return true
}

function readNames(header: Fields, value: string): boolean {
  try {
    header.named = value.split(',').map(decodeURIComponent)
    return true
  } catch {
    return false
  }
}
