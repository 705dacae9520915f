/** A value within a bound, and its place in the order in which values came. */
export interface Place {
  readonly name: string
  /** What it takes of the bound. */
  readonly bytes: number
  /** It was read since the last look for one to let go of. */
  visited: boolean
  /** It is no longer among the values, whoever still holds it. */
  gone: boolean
  newer: this | undefined
  older: this | undefined
}

/** Values by name, bounded by their number and their bytes. */
export interface Copies<P extends Place> {
  /** The caller marks it as visited when it makes use of it. */
  get(name: string): P | undefined
  /** Keeps it in place of the one of that name. One that is larger than the bound is not kept. */
  add(place: P): void
  remove(place: P): void
  clear(): void
  readonly size: number
  readonly bytes: number
}

/**
 * When they are too many the oldest that was not read lately goes. That is SIEVE (Zhang et al., "SIEVE is Simpler than
 * LRU: an Efficient Turn-Key Eviction Algorithm for Web Caches", NSDI 2024): a read changes no order and sets one flag,
 * and seldom keeps worse ones than LRU.
 */
export function createCopies<P extends Place>(most: number, mostBytes: number, letGo: (place: P) => void): Copies<P> {
  const places = new Map<string, P>()
  let bytes = 0
  let newest: P | undefined
  let oldest: P | undefined
  /** Where the last look for one to let go of ended. */
  let hand: P | undefined

  function remove(place: P): void {
    if (place.gone) return
    place.gone = true
    places.delete(place.name)
    bytes -= place.bytes
    if (hand === place) hand = place.newer
    if (place.newer) place.newer.older = place.older
    else newest = place.older
    if (place.older) place.older.newer = place.newer
    else oldest = place.newer
    place.newer = undefined
    place.older = undefined
    letGo(place)
  }

  function evict(): void {
    let candidate = hand ?? oldest
    while (candidate?.visited) {
      candidate.visited = false
      candidate = candidate.newer ?? oldest
    }
    if (!candidate) return
    hand = candidate.newer
    remove(candidate)
  }

  return {
    get: name => places.get(name),
    add(place) {
      const before = places.get(place.name)
      if (before) remove(before)
      if (place.bytes > mostBytes) {
        place.gone = true
        return
      }
      // Before it is among them: the newest is not yet known to be worth less than the others.
      while (places.size >= most || bytes + place.bytes > mostBytes) evict()
      places.set(place.name, place)
      bytes += place.bytes
      place.older = newest
      if (newest) newest.newer = place
      else oldest = place
      newest = place
    },
    remove,
    clear() {
      for (const place of places.values()) {
        place.gone = true
        place.newer = undefined
        place.older = undefined
        letGo(place)
      }
      places.clear()
      bytes = 0
      newest = undefined
      oldest = undefined
      hand = undefined
    },
    get size() {
      return places.size
    },
    get bytes() {
      return bytes
    },
  }
}
