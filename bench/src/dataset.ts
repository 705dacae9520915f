/** Few enough to be seeded at once, many enough that the calls in flight never share a key. */
export const keyCount = 8192

/** Made once: to put a name together takes as long as to find a value by it in this process. */
const keys = Array.from({ length: keyCount }, (_, i) => `k${i}`)

/** The name of the key that call `i` works on. */
export function keyOf(i: number): string {
  return keys[i % keyCount]!
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
  return itemOfSize(i, 100)
}

function itemOfSize(i: number, bytes: number): Item {
  const item = { id: i % keyCount, owner: 'a4f1', tags: ['red', 'blue'], active: true, note: '' }
  return { ...item, note: 'x'.repeat(bytes - JSON.stringify(item).length) }
}

/** As many numbers as common embedding models give. */
const dimensions = 1536

/** What is stored in a case, by the words that its name ends with. */
const values = {
  '100 B JSON': itemOf,
  '10 kB JSON': (i: number) => itemOfSize(i, 10_000),
  'short text': (i: number) => `value ${i % keyCount}`,
  embedding: (i: number) => Float32Array.from({ length: dimensions }, (_, place) => ((i % keyCount) + place) / 4096),
} as const

export type ValueName = keyof typeof values

export function valueNameOf(caseName: string): ValueName {
  const found = (Object.keys(values) as ValueName[]).find(name => caseName.endsWith(name))
  if (!found) throw new Error(`The case ${caseName} does not say what is stored.`)
  return found
}

export const sampleOf = (caseName: string, i: number): unknown => values[valueNameOf(caseName)](i)

/** For those who store JSON alone. */
export function jsonSampleOf(caseName: string, i: number): unknown {
  const value = sampleOf(caseName, i)
  return value instanceof Float32Array ? [...value] : value
}
