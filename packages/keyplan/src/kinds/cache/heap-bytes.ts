/**
 * What values take in the memory of a process, about: what V8 adds to them on a 64-bit machine. For bounds, which need not be
 * exact, and must not be wrong by a multiple: a record of a hundred bytes takes two to three hundred as an object.
 */

const wordBytes = 8

/** The head of a text, and what its characters are rounded up by. */
const headBytes = 20

const needsTwoBytes = /[\u0100-\uffff]/

/** A text of which no character needs two bytes is kept with one for each. */
export const textBytes = (text: string): number => headBytes + text.length * (needsTwoBytes.test(text) ? 2 : 1)

/** A small whole number lies in its field. */
export const numberBytes = (number: number): number =>
  Math.trunc(number) === number && Math.abs(number) < 2 ** 31 ? 0 : 16

/** An object, without what its fields are called and refer to. */
export const fieldsBytes = (count: number): number => (3 + (count || 4)) * wordBytes

/** A name of its own makes a shape of its own as well. */
const shapeBytes = 60

/** Objects of more fields are tables, which share no shapes; what a field takes there more. */
const mostShaped = 128
const rowBytes = 40

/** How many names are remembered, and of what length: forgetting them costs that they are counted again. */
const mostNames = 10_000
const longestName = 64

/**
 * What the names of fields take. All objects with a name share it: it is counted where it is first seen, which makes little of
 * the fields of records, and much of objects that are maps by id.
 */
export function createNameBytes(): (names: readonly string[]) => number {
  const seen = new Set<string>()
  return names => {
    const isTable = names.length > mostShaped
    let bytes = isTable ? names.length * rowBytes : 0
    for (const name of names) {
      if (seen.has(name)) continue
      bytes += textBytes(name) + (isTable ? 0 : shapeBytes)
      if (name.length > longestName) continue
      if (seen.size === mostNames) seen.clear()
      seen.add(name)
    }
    return bytes
  }
}

/** A list, without what its elements refer to. */
export const elementsBytes = (count: number): number => (6 + count) * wordBytes
