import { isKeyplanError, type KeyplanError } from '../base/error.ts'
import type { Redis } from '../redis/redis.ts'

/**
 * Runs a step whose keys may lie in several slots of a cluster: once for each slot, all at the same time. Gives the
 * results in the order of the items; an item of a part that failed has its error. Outside a cluster that is one run.
 *
 * @throws what a part met, when none succeeded
 */
export function perSlot<Item, Result>(
  redis: Pick<Redis, 'slot'>,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  run: (items: readonly Item[]) => Promise<readonly (Result | KeyplanError)[]>,
): Promise<readonly (Result | KeyplanError)[]> {
  if (items.length === 0) return Promise.resolve([])
  const first = redis.slot(keyOf(items[0]!))
  if (items.every(item => redis.slot(keyOf(item)) === first)) return run(items)
  return inParts(redis, items, keyOf, run)
}

async function inParts<Item, Result>(
  redis: Pick<Redis, 'slot'>,
  items: readonly Item[],
  keyOf: (item: Item) => string,
  run: (items: readonly Item[]) => Promise<readonly (Result | KeyplanError)[]>,
): Promise<readonly (Result | KeyplanError)[]> {
  const parts = new Map<number, number[]>()
  for (const [index, item] of items.entries()) {
    const slot = redis.slot(keyOf(item))
    const part = parts.get(slot)
    if (part) part.push(index)
    else parts.set(slot, [index])
  }
  const results = new Array<Result | KeyplanError>(items.length)
  let failures = 0
  let failure: KeyplanError | undefined
  await Promise.all(
    [...parts.values()].map(async part => {
      try {
        const answers = await run(part.map(index => items[index]!))
        for (const [at, index] of part.entries()) results[index] = answers[at]!
      } catch (error) {
        if (!isKeyplanError(error)) throw error
        failures++
        failure = error
        for (const index of part) results[index] = error
      }
    }),
  )
  if (failures === parts.size) throw failure
  return results
}

/** What was done for all; a step that was not done for one slot was not done. */
export function whole<T>(parts: readonly (T | KeyplanError)[]): readonly T[] {
  for (const part of parts) if (isKeyplanError(part)) throw part
  return parts as readonly T[]
}
