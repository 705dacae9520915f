/** What a request says of its key: nothing, the key, or something that is none. */
export type GivenKey =
  | { readonly state: 'missing' }
  | { readonly state: 'key'; readonly key: string }
  | { readonly state: 'invalid' }

const longest = 255

/** A string of structured fields (RFC 9651); what parameters follow means nothing here. */
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"\s*(?:;.*)?$/
/** What most clients send: the bare key. A comma or a blank would be two of them. */
const bare = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e]+$/

/** Reads the field `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a quoted string, or a bare one. */
export function parseIdempotencyKey(field: string | undefined): GivenKey {
  const text = field?.trim()
  if (text === undefined || text === '') return { state: 'missing' }
  const key = text.startsWith('"') ? quoted.exec(text)?.[1]?.replace(/\\(.)/g, '$1') : bare.exec(text)?.[0]
  return key && key.length <= longest ? { state: 'key', key } : { state: 'invalid' }
}
