import type { Part } from './pattern.ts'

/** The SCAN glob of a pattern: its literal text escaped, each parameter a `*`. */
export function globOf(parts: readonly Part[]): string {
  return parts.map(part => ('literal' in part ? part.literal.replace(/[*?[\]\\]/g, '\\$&') : '*')).join('')
}
