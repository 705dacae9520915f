import type { Server } from '../kind.ts'

/** What one step takes of many names: those of one server, and not too many. What waits for one must not hold up another. */
export function portionsOf(names: Iterable<string>, lane: Server['lane'], most: number): string[][] {
  const portions: string[][] = []
  const open = new Map<string | undefined, string[]>()
  for (const name of names) {
    const at = lane?.(name)
    let portion = open.get(at)
    if (!portion || portion.length === most) {
      portion = []
      open.set(at, portion)
      portions.push(portion)
    }
    portion.push(name)
  }
  return portions
}
