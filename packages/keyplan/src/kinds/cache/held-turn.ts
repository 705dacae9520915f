import { AsyncLocalStorage } from 'node:async_hooks'

/** Where loads take turns: those of one namespace. */
export interface Line {
  /** The lines that loads with a turn of this one have asked for a turn of. */
  readonly asked: Set<Line>
}

/** A turn while its load runs: what that load asks for further must not wait for it. */
export interface HeldTurn {
  readonly line: Line
  open: boolean
}

let storage: AsyncLocalStorage<HeldTurn> | undefined
let open = 0

/** The turn of the load that calls. Costs nothing while nobody has one. */
export function heldTurn(): HeldTurn | undefined {
  if (open === 0) return undefined
  const turn = storage?.getStore()
  return turn?.open ? turn : undefined
}

export function beginTurn(line: Line): HeldTurn {
  open++
  return { line, open: true }
}

export function endTurn(turn: HeldTurn): void {
  if (!turn.open) return
  turn.open = false
  open--
  // Otherwise Node goes on handing it from promise to promise.
  if (open === 0) storage?.disable()
}

export function withTurn<T>(turn: HeldTurn, work: () => T): T {
  storage ??= new AsyncLocalStorage()
  return storage.run(turn, work)
}

/** Whether a load with such a turn must not wait for one of `line`: there loads may be waiting for one of its own. */
export function mustPass(turn: HeldTurn, line: Line): boolean {
  if (!turn.open) return false
  turn.line.asked.add(line)
  return leads(line, turn.line, new Set())
}

function leads(from: Line, to: Line, seen: Set<Line>): boolean {
  if (from === to) return true
  seen.add(from)
  for (const next of from.asked) if (!seen.has(next) && leads(next, to, seen)) return true
  return false
}
