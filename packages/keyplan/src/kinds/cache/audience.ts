import type { HeldTurn } from './held-turn.ts'

/** Those who wait for a load, which may itself have to wait for its turn. */
export interface Audience {
  readonly size: number
  /** When the last of them leaves, by the clock. */
  readonly until: number
  /** The turns of those who ask from within another load. */
  readonly turns: readonly HeldTurn[]
  /** It was left alone, and its load given up: who comes now needs another. */
  over: boolean
  /** Told when one has come or gone. */
  changed: () => void
  join(caller: Caller): void
}

/** One who waits for a load. */
export interface Caller {
  /** The turn of the load that it asks from within. */
  readonly turn: HeldTurn | undefined
  readonly until: number
  readonly gone: boolean
  leave(): void
  /** Told when it leaves. */
  left: () => void
}

const nothing = () => {}

export function createCaller(turn: HeldTurn | undefined, until: number): Caller {
  const caller = {
    turn,
    until,
    gone: false,
    leave() {
      if (caller.gone) return
      caller.gone = true
      caller.left()
    },
    left: nothing,
  }
  return caller
}

export function createAudience(): Audience {
  const turns: HeldTurn[] = []
  const audience = {
    size: 0,
    until: 0,
    turns,
    over: false,
    changed: nothing,
    join(caller: Caller) {
      if (caller.gone) return
      audience.size++
      audience.until = Math.max(audience.until, caller.until)
      if (caller.turn) turns.push(caller.turn)
      caller.left = () => {
        audience.size--
        audience.changed()
      }
      audience.changed()
    },
  }
  return audience
}
