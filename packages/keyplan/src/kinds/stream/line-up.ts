import type { Held } from './held.ts'

/** What waits to be handled, in which order, and what may be handled now. */
export interface LineUp {
  add(held: Held): void
  /** The next that may be handled: several only where they are handled as a batch. Empty when there is none. */
  next(): Held[]
  /** What was handled is done with, or comes back later and holds up what follows it. */
  ended(held: Held, comesBack: boolean): void
  /** It is gone: what follows it need not wait. */
  gone(id: string): void
  /** Takes out all that was not begun. */
  clear(): Held[]
  /** What may be handled now, and what waits for its turn. */
  readonly ready: number
  readonly waiting: number
}

interface Row {
  busy: boolean
  /** The entry that failed and comes back: nothing of its order is handled before it. */
  expected: string | undefined
  waiting: Held[]
}

/** @param batch most that are handled together; what was given out before is handled alone, so that it can be told apart */
export function createLineUp(batch: number): LineUp {
  let ready: Held[] = []
  let first = 0
  let waiting = 0
  const rows = new Map<string, Row>()

  function push(held: Held): void {
    ready.push(held)
  }
  function forget(order: string, row: Row): void {
    if (!row.busy && row.expected === undefined && row.waiting.length === 0) rows.delete(order)
  }
  function advance(order: string, row: Row): void {
    if (row.busy || row.expected !== undefined) return
    const next = row.waiting.shift()
    if (next) {
      waiting--
      row.busy = true
      push(next)
    } else forget(order, row)
  }

  return {
    add(held) {
      const { order } = held
      if (order === undefined) return push(held)
      let row = rows.get(order)
      if (!row) {
        row = { busy: false, expected: undefined, waiting: [] }
        rows.set(order, row)
      }
      if (held.id === row.expected || (!row.busy && row.expected === undefined)) {
        row.expected = undefined
        row.busy = true
        push(held)
      } else {
        row.waiting.push(held)
        waiting++
      }
    },
    next() {
      if (first === ready.length) return []
      const held = ready[first++]!
      const unit = [held]
      if (held.delivery === 1) {
        while (unit.length < batch && first < ready.length && ready[first]!.delivery === 1) unit.push(ready[first++]!)
      }
      if (first > 1_000 || first === ready.length) {
        ready = ready.slice(first)
        first = 0
      }
      return unit
    },
    ended({ order, id }, comesBack) {
      const row = order === undefined ? undefined : rows.get(order)
      if (!row) return
      row.busy = false
      if (comesBack) row.expected = id
      advance(order!, row)
    },
    gone(id) {
      for (const [order, row] of rows) {
        if (row.expected !== id) continue
        row.expected = undefined
        advance(order, row)
      }
    },
    clear() {
      const left = ready.slice(first)
      for (const row of rows.values()) left.push(...row.waiting)
      ready = []
      first = 0
      waiting = 0
      rows.clear()
      return left
    },
    get ready() {
      return ready.length - first
    },
    get waiting() {
      return waiting
    },
  }
}
