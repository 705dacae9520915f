import { createHash } from 'node:crypto'

/**
 * A UUID of version 8 (RFC 9562) from the SHA-256 of a key: a token that survives whatever the server may lose, and that
 * fits the columns databases have for such.
 */
export function tokenOf(key: string): string {
  const bytes = createHash('sha256').update(key).digest().subarray(0, 16)
  bytes[6] = (bytes[6]! & 0x0f) | 0x80
  bytes[8] = (bytes[8]! & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
