import { literalSteps, type Step, stepsOf, suffixSteps } from './overlap.ts'
import type { Pattern } from './pattern.ts'

/**
 * A key that a kind keeps beside a main key, in the same cluster slot by construction: a tagged main key brings its
 * tag along, an untagged one becomes the tag. No main key of a plan can hold `:~`.
 */
export function helperKey(mainKey: string, tagged: boolean, suffix: string): string {
  return tagged ? `${mainKey}:~${suffix}` : `{${mainKey}}:~${suffix}`
}

/** A helper key taken apart. */
export interface HelperMatch {
  readonly params: Record<string, string>
  readonly suffix: string
}

/** The inverse of {@link helperKey} for keys of one pattern: undefined when the key is no helper of it. */
export function matchHelper(pattern: Pattern, key: string): HelperMatch | undefined {
  const at = key.indexOf(':~')
  const suffix = key.slice(at + 2)
  if (at < 0 || suffix === '') return undefined
  const wrapped = key[0] === '{' && key[at - 1] === '}'
  if (!pattern.tagged && !wrapped) return undefined
  const params = pattern.match(pattern.tagged ? key.slice(0, at) : key.slice(1, at - 1))
  return params && { params, suffix }
}

/** The SCAN glob of a pattern's helper keys. */
export function helperGlob(pattern: Pattern): string {
  return helperKey(pattern.glob(), pattern.tagged, '*')
}

/** The automaton of a pattern's helper keys. */
export function helperSteps(pattern: Pattern): Step[] {
  const main = stepsOf(pattern.parts, pattern.verbatim)
  if (pattern.tagged) return [...main, ...literalSteps(':~'), ...suffixSteps]
  return [...literalSteps('{'), ...main, ...literalSteps('}:~'), ...suffixSteps]
}
