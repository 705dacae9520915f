import { createHash } from 'node:crypto'
import type { Stored } from '../../base/codec.ts'

/**
 * Tells one stored value from another: its SHA-1, which the server can compute as well. Undefined for text that was not
 * valid UTF-8, of which the client has no exact copy.
 */
export function markOf(stored: Stored): string | undefined {
  if (typeof stored === 'string' && stored.includes('\ufffd')) return undefined
  return createHash('sha1').update(stored).digest('hex')
}
