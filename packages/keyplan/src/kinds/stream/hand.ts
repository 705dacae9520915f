import type { Held } from './held.ts'

/** Everything that a worker was given and whose end the server does not know. */
export interface Hand {
  get(id: string): Held | undefined
  put(held: Held): void
  /** False when it was not there, or another delivery of its entry is. */
  drop(held: Held): boolean
  readonly size: number
  /** Of those, what may have ended a process. */
  readonly suspects: number
  [Symbol.iterator](): Iterator<Held>
}

export function createHand(): Hand {
  const held = new Map<string, Held>()
  let suspects = 0
  return {
    get: id => held.get(id),
    put(one) {
      held.set(one.id, one)
      if (one.given.suspect) suspects++
    },
    drop(one) {
      if (held.get(one.id) !== one) return false
      held.delete(one.id)
      if (one.given.suspect) suspects--
      return true
    },
    get size() {
      return held.size
    },
    get suspects() {
      return suspects
    },
    [Symbol.iterator]: () => held.values(),
  }
}
