/**
 * Freezes a value in depth. False, with nothing frozen, where it holds what cannot be made unchangeable: a Date, a Map,
 * a buffer, an instance of a class; or where it is nested too deeply.
 */
export function freezeWhole(value: unknown): boolean {
  if (!isPlain(value, 0)) return false
  freeze(value)
  return true
}

const deepest = 100

function isPlain(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function'
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return false
  if (depth === deepest) return false
  for (const part of Object.values(value)) if (!isPlain(part, depth + 1)) return false
  return true
}

function freeze(value: unknown): void {
  // What is frozen already need not be frozen in depth.
  if (typeof value !== 'object' || value === null) return
  for (const part of Object.values(value)) freeze(part)
  Object.freeze(value)
}
