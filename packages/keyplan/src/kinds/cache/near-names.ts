import type { ParamValues, Pattern } from '../../plan/pattern/pattern.ts'

/** What copies go by: a hit need not make the key. */
export interface NearNames {
  /** The name that the params give; undefined where it takes the key. */
  nameOf(params: ParamValues): string | undefined
  /** The name of a key; undefined where it is none of the namespace's. */
  nameOfKey(key: string): string | undefined
}

/** Where one parameter makes the key, its text names the copy: two texts never make one key. */
export function createNearNames(pattern: Pattern): NearNames {
  const [only, ...others] = pattern.params
  const isHashed = pattern.parts.some(part => 'param' in part && part.hashed)
  if (only === undefined || others.length > 0 || isHashed) return { nameOf: () => undefined, nameOfKey: key => key }
  return {
    nameOf(params) {
      const value: unknown = params?.[only]
      if (typeof value === 'string') return value
      return typeof value === 'number' ? String(value) : undefined
    },
    nameOfKey: key => pattern.match(key)?.[only],
  }
}
