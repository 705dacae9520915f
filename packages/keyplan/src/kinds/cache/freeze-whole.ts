import { elementsBytes, fieldsBytes, numberBytes, textBytes } from './heap-bytes.ts'

type NameBytes = (names: readonly string[]) => number

/**
 * Freezes a value in depth, and gives about how many bytes it takes in this process. Undefined, with nothing frozen, where it
 * holds what cannot be made unchangeable: a Date, a Map, a buffer, an instance of a class; or where it is nested too deeply.
 *
 * @param nameBytes what names of fields take; nothing where nobody asks for the bytes
 */
export function freezeWhole(value: unknown, nameBytes?: NameBytes): number | undefined {
  const bytes = weigh(value, 0, nameBytes)
  if (bytes === undefined) return undefined
  freeze(value)
  return bytes
}

const deepest = 100

function weigh(value: unknown, depth: number, nameBytes: NameBytes | undefined): number | undefined {
  if (typeof value === 'string') return textBytes(value)
  if (typeof value === 'number') return numberBytes(value)
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : 0
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return undefined
  if (depth === deepest) return undefined
  const parts = Object.values(value)
  let bytes = Array.isArray(value)
    ? elementsBytes(parts.length)
    : fieldsBytes(parts.length) + (nameBytes?.(Object.keys(value)) ?? 0)
  for (const part of parts) {
    const more = weigh(part, depth + 1, nameBytes)
    if (more === undefined) return undefined
    bytes += more
  }
  return bytes
}

function freeze(value: unknown): void {
  // What is frozen already need not be frozen in depth.
  if (typeof value !== 'object' || value === null) return
  for (const part of Object.values(value)) freeze(part)
  Object.freeze(value)
}
