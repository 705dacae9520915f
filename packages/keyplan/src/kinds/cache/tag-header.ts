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

function headerLength(stored: Stored): number {
  return (typeof stored === 'string' ? stored.indexOf('\n') : stored.indexOf(10)) + 1
}
