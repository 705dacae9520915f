import type { Stored } from '../codec.ts'

/** Text of a stored form that was read as bytes. */
export function storedText(stored: Stored): string {
  if (typeof stored === 'string') return stored
  return Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength).toString('utf8')
}

/** Bytes of a stored form that was read, or is about to be written, as text. */
export function storedBytes(stored: Stored): Uint8Array {
  return typeof stored === 'string' ? Buffer.from(stored, 'utf8') : stored
}
