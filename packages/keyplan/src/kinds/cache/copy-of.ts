import type { Stored } from '../../base/codec.ts'

/** A stored form of one's own: what was read may be a view of something larger, which would be kept with it. */
export function copyOf<T extends Stored | null>(stored: T): T | Uint8Array {
  // A Buffer's own `slice` is a view of the same bytes.
  return typeof stored === 'string' || stored === null ? stored : Uint8Array.prototype.slice.call(stored)
}
