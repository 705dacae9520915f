import { createHash } from 'node:crypto'
import type { Stored } from '../../base/codec.ts'

/** Tells one stored value from another: its SHA-1, which the server can compute as well. */
export function markOf(stored: Stored): string {
  return createHash('sha1').update(stored).digest('hex')
}

/** Whether text may have been invalid UTF-8 on the server, so that the client has no exact copy of it. */
export function isLossy(stored: Stored): boolean {
  return typeof stored === 'string' && stored.includes('\ufffd')
}
