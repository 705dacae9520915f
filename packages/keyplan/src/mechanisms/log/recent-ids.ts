/** The ids of the entries that a follower was given last, in their order. */
export interface RecentIds {
  /** The first of them that it remembers. */
  readonly oldest: string | undefined
  has(id: string): boolean
  /** It is higher than the others. */
  add(id: string): void
  /** Forgets those that are higher. */
  forgetBehind(id: string): void
}

/** At least so many are remembered, and at most twice as many. */
const most = 256

/** @param first is remembered from the beginning */
export function createRecentIds(first: string): RecentIds {
  /** Two numbers for each: texts that were cut out of replies would keep those alive. */
  let ids: number[] = numbersOf(first)

  return {
    get oldest() {
      return ids.length === 0 ? undefined : `${ids[0]}-${ids[1]}`
    },
    has(id) {
      const [time, number] = numbersOf(id)
      for (let place = 0; place < ids.length; place += 2)
        if (ids[place] === time && ids[place + 1] === number) return true
      return false
    },
    add(id) {
      ids.push(...numbersOf(id))
      if (ids.length > 4 * most) ids = ids.slice(-2 * most)
    },
    forgetBehind(id) {
      const [time, number] = numbersOf(id)
      let size = ids.length
      while (size > 0 && (ids[size - 2]! - time || ids[size - 1]! - number) > 0) size -= 2
      ids.length = size
    },
  }
}

function numbersOf(id: string): [number, number] {
  const cut = id.indexOf('-')
  return [Number(id.slice(0, cut)), Number(id.slice(cut + 1))]
}
