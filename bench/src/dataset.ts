/** Few enough to be seeded at once, many enough that the calls in flight never share a key. */
export const keyCount = 8192

/** The name of the key that call `i` works on. */
export function keyOf(i: number): string {
  return `k${i % keyCount}`
}

/** The loader of a case in which every read hits. */
export function load(i: number): Item {
  throw new Error(`${keyOf(i)} was loaded although it is stored`)
}

/** A record of exactly 100 bytes as JSON, different for each key. */
export interface Item {
  readonly id: number
  readonly owner: string
  readonly tags: readonly string[]
  readonly active: boolean
  readonly note: string
}

export function itemOf(i: number): Item {
  const item = { id: i % keyCount, owner: 'a4f1', tags: ['red', 'blue'], active: true, note: '' }
  return { ...item, note: 'x'.repeat(100 - JSON.stringify(item).length) }
}
