import { isGroup } from '../value.ts'

const placeholder = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g

/** What a text says once its variables stand in it. */
export interface Expanded {
  readonly text: string
  /** Those that are neither set nor have a default. They stand for nothing. */
  readonly unset: readonly string[]
}

/**
 * Puts variables in place of `${NAME}` and `${NAME:-default}`. An empty variable is unset.
 *
 * In the credentials of a Redis URL they are percent-encoded, so that a password may hold any character there too.
 */
export function expand(text: string, variable: (name: string) => string | undefined): Expanded {
  const unset: string[] = []
  const scheme = /^(rediss?|unix):\/\//.test(text)
  const expanded = text.replace(placeholder, (_, name: string, otherwise: string | undefined, offset: number) => {
    const value = variable(name) || otherwise
    if (value === undefined) unset.push(`\${${name}}`)
    return scheme && text.indexOf('@', offset) >= 0 ? encodeURIComponent(value ?? '') : (value ?? '')
  })
  return { text: expanded, unset }
}

/** Expands every text of a tree. `unset` is told of each that misses a variable. */
export function expandTree(
  tree: unknown,
  variable: (name: string) => string | undefined,
  unset: (names: readonly string[], partly: boolean) => void,
): unknown {
  if (typeof tree === 'string') {
    const expanded = expand(tree, variable)
    if (expanded.unset.length > 0) unset(expanded.unset, expanded.text.trim() !== '')
    return expanded.text
  }
  if (Array.isArray(tree)) return tree.map(item => expandTree(item, variable, unset))
  if (!isGroup(tree)) return tree
  return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, expandTree(item, variable, unset)]))
}
