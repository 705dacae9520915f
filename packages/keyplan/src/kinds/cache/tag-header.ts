import type { Stored } from '../../base/codec.ts'

/** Stands where the versions of tags will be, when only the server knows them. */
export const unknownVersions: readonly string[] = ['0']

/** A value sealed with {@link unknownVersions}, cut where the versions belong. */
export function splitAtTags(sealed: Stored): { before: Stored; after: Stored } {
  const end = headerLength(sealed) - 1
  return typeof sealed === 'string'
    ? { before: sealed.slice(0, end - 1), after: sealed.slice(end) }
    : { before: sealed.subarray(0, end - 1), after: sealed.subarray(end) }
}

/** The inverse, now that they are known. */
export function joinAtTags(before: Stored, versions: string, after: Stored): Stored {
  if (typeof before === 'string' && typeof after === 'string') return before + versions + after
  return Buffer.concat([before, versions, after].map(part => (typeof part === 'string' ? Buffer.from(part) : part)))
}

function headerLength(stored: Stored): number {
  return (typeof stored === 'string' ? stored.indexOf('\n') : stored.indexOf(10)) + 1
}
