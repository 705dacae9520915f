import { kindOf } from '../../base/error.ts'
import { likely } from '../../base/likely.ts'
import { ofRole, table } from '../table/table.ts'
import { isGroup } from '../value.ts'

/** The values of a tree by their paths in the table. */
export type Leaves = Map<string, unknown>

/** Paths of a whole file, and of the part of it that is the server of one role. */
export const pathsOfFile: readonly string[] = table
  .filter(row => !('effect' in row) || row.effect !== 'code')
  .map(row => row.path)
export const pathsOfRole = pathsOfFile.filter(path => ofRole.has(path))

/**
 * Walks a tree along the paths that are known. A key is written `max_redirects` or `maxRedirects`.
 *
 * @param base what the tree stands for: empty, or `redis.` for the server of a role
 * @param place how problems call the tree: `keyplan.yaml: environments.production.`
 */
export function leavesOf(
  tree: unknown,
  base: string,
  paths: readonly string[],
  besides: readonly string[],
  place: string,
  problems: string[],
): Leaves {
  const leaves: Leaves = new Map()
  function walk(node: unknown, above: string, shown: string): void {
    if (!isGroup(node)) {
      if (node !== null && node !== undefined) problems.push(notAGroup(node, shown, namesBelow(above)))
      return
    }
    for (const [written, value] of Object.entries(node)) {
      const name = snakeCase(written)
      const path = `${above}${name}`
      if (above === base && besides.includes(written)) continue
      if (paths.includes(path)) leaves.set(path, value)
      else if (paths.some(known => known.startsWith(`${path}.`))) walk(value, `${path}.`, `${shown}${written}.`)
      else {
        const meant = likely(name, [...namesBelow(above), ...(above === base ? besides : [])])
        problems.push(
          `${shown}${written} is no setting${meant ? `; did you mean ${shown.replace(/^.*: /, '')}${meant}?` : ''}`,
        )
      }
    }
  }
  function namesBelow(above: string): string[] {
    return [
      ...new Set(paths.flatMap(path => (path.startsWith(above) ? path.slice(above.length).split('.', 1)[0]! : []))),
    ]
  }
  walk(tree, base, place)
  return leaves
}

function notAGroup(node: unknown, shown: string, names: readonly string[]): string {
  return `${shown.replace(/[.\s:]+$/, '')} is ${kindOf(node)}; write a group with ${names.slice(0, 6).join(', ')}${names.length > 6 ? ' …' : ''}`
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`)
}
