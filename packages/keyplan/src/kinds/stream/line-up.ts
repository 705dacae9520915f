import type { Held } from './held.ts'

/** What waits to be handled, in which order, and what may be handled now. */
export interface LineUp {
  /** One that was given back keeps its place in its order: nothing behind it is handled before it comes again. */
  add(held: Held): void
  /** The next that may be handled: several only where they are handled as a batch. Empty when there is none. */
  next(mayBegin: (held: Held) => boolean): Held[]
  /** What was handled is done with, or comes back later and holds up what follows it. */
  ended(held: Held, comesBack: boolean): void
  /** It is gone: what follows it need not wait. */
  gone(id: string): void
  /** Takes out all that was not begun. */
  clear(): Held[]
  /** What is to come back, and holds up what follows it. */
  readonly expected: string[]
  /** What may be handled now, and what waits for its turn. */
  readonly ready: number
  readonly waiting: number
}

interface Row {
  busy: boolean
  /** The entry that comes back: nothing of its order is handled before it. */
  expected: string | undefined
  /** Those that were given back are `settling`: they are to come back too. */
  waiting: Held[]
}

/** @param batch most that are handled together; what was given out before is handled alone, so that it can be told apart */
export function createLineUp(batch: number): LineUp {
  let ready: Held[] = []
  let first = 0
  let waiting = 0
  const rows = new Map<string, Row>()
  /** Ids of those in rows that were given back. */
  const places = new Set<string>()

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
      enter(row, next)
    } else forget(order, row)
  }
  function enter(row: Row, held: Held): void {
    places.delete(held.id)
    if (held.settling) row.expected = held.id
    else {
      row.busy = true
      push(held)
    }
  }
  function wait(row: Row, held: Held): void {
    const place = places.has(held.id) ? row.waiting.findIndex(({ id }) => id === held.id) : -1
    if (place >= 0) row.waiting[place] = held
    else {
      row.waiting.push(held)
      waiting++
    }
    if (held.settling) places.add(held.id)
    else places.delete(held.id)
  }
  function giveUpPlace(order: string, row: Row, id: string): void {
    if (row.expected === id) {
      row.expected = undefined
      advance(order, row)
      return
    }
    const place = places.has(id) ? row.waiting.findIndex(held => held.id === id) : -1
    if (place < 0) return
    row.waiting.splice(place, 1)
    waiting--
    places.delete(id)
  }

  return {
    add(held) {
      const { order } = held
      if (order === undefined) {
        if (!held.settling) push(held)
        return
      }
      let row = rows.get(order)
      if (!row) {
        row = { busy: false, expected: undefined, waiting: [] }
        rows.set(order, row)
      }
      if (held.id === row.expected || (!row.busy && row.expected === undefined)) {
        row.expected = undefined
        enter(row, held)
      } else wait(row, held)
    },
    next(mayBegin) {
      if (first === ready.length || !mayBegin(ready[first]!)) return []
      const held = ready[first++]!
      const unit = [held]
      if (held.delivery === 1) {
        const joins = (one: Held | undefined) => one?.delivery === 1 && mayBegin(one)
        while (unit.length < batch && joins(ready[first])) unit.push(ready[first++]!)
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
      for (const [order, row] of rows) giveUpPlace(order, row, id)
    },
    clear() {
      const left = ready.slice(first)
      for (const row of rows.values()) left.push(...row.waiting)
      ready = []
      first = 0
      waiting = 0
      rows.clear()
      places.clear()
      return left.filter(({ settling }) => !settling)
    },
    get expected() {
      return [...rows.values()].flatMap(({ expected }) => expected ?? [])
    },
    get ready() {
      return ready.length - first
    },
    get waiting() {
      return waiting
    },
  }
}
