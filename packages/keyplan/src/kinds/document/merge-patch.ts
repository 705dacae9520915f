import { KeyplanError } from '../../base/error.ts'

/** A JSON merge patch of a value: null removes a field, objects are merged, everything else is replaced. */
export type MergePatch<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [Field in keyof T]?: MergePatch<T[Field]> | null }
    : T

/**
 * RFC 7396, section 2. Gives a new value and changes neither.
 *
 * @throws KeyplanError PARAM_INVALID for a patch that is nested without end, or too deeply for JSON
 */
export function mergePatch(target: unknown, patch: unknown): unknown {
  try {
    return merge(target, patch)
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new KeyplanError('PARAM_INVALID', 'the patch is cyclic, or nested too deeply; send what changes alone')
  }
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch
  // A map, since a field named __proto__ is one like any other.
  const merged = new Map(isRecord(target) ? Object.entries(target) : [])
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined) continue
    if (value === null) merged.delete(name)
    else merged.set(name, merge(merged.get(name), value))
  }
  return Object.fromEntries(merged)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
