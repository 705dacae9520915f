import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Audience } from './audience.ts'
import { beginTurn, endTurn, type HeldTurn, type Line, mustPass, withTurn } from './held-turn.ts'

/**
 * Runs so many at once; further ones take turns: in order, but the newest first while the oldest has lost half of its time,
 * since otherwise all the answers would come too late. What a load asks for takes no turn where that load, which has one,
 * might wait for ever. Who has no audience any more loses its place.
 */
export interface Turns {
  /** Those of one party share a turn. Rejects when the audience has left before the turn came; it is `over` then. */
  take<T>(work: () => Promise<T>, audience: Audience, party?: object): Promise<T>
}

interface Turn {
  readonly since: number
  /** When the last of those who wait for it leaves. */
  until: number
  readonly audiences: Audience[]
  /** Those of them that somebody is left of. */
  readonly awaiting: Set<Audience>
  works: number
  /** `beside` the others: without a place of its own. */
  is: 'waiting' | 'placed' | 'beside' | 'given up'
  held: HeldTurn | undefined
  readonly begun: Promise<void>
  readonly begin: () => void
  readonly giveUp: (error: unknown) => void
}

interface TurnsParts {
  /** How errors name the namespace. */
  readonly source: string
  readonly atOnce: number
  /** How long, in milliseconds, one keeps the others waiting: it might never end. */
  readonly patience: number
  readonly clock: Clock
}

export function createTurns({ source, atOnce, patience, clock }: TurnsParts): Turns {
  const line: Line = { asked: new Set() }
  const parties = new Map<object, Turn>()
  let waiting: Turn[] = []
  /** How many at most of those have left the line; they are passed over. */
  let absent = 0
  let running = 0

  function next(): Turn | undefined {
    while (waiting.length > 0 && waiting[0]!.is !== 'waiting') waiting.shift()
    const [oldest] = waiting
    if (!oldest || !isLate(oldest)) return waiting.shift()
    while (waiting.at(-1)!.is !== 'waiting') waiting.pop()
    return waiting.pop()
  }

  const isLate = ({ since, until }: Turn) => clock.now() > (since + until) / 2

  function begin(turn: Turn, how: 'placed' | 'beside'): void {
    turn.is = how
    turn.held = beginTurn(line)
    turn.begin()
  }

  /** The next in line takes over the place, so that nobody slips in between. */
  function pass(): void {
    const turn = next()
    if (turn) begin(turn, 'placed')
    else running--
  }

  function open(party: object): Turn {
    let begin = () => {}
    let giveUp: Turn['giveUp'] = () => {}
    const begun = new Promise<void>((resolve, reject) => {
      begin = resolve
      giveUp = reject
    })
    const turn: Turn = {
      since: clock.now(),
      until: 0,
      audiences: [],
      awaiting: new Set(),
      works: 0,
      is: 'waiting',
      held: undefined,
      begun,
      begin,
      giveUp,
    }
    parties.set(party, turn)
    return turn
  }

  /** Somebody who waits for it has come or gone. */
  function look(turn: Turn, party: object, audience: Audience): void {
    if (turn.is !== 'waiting') return
    turn.until = Math.max(turn.until, audience.until)
    if (audience.size > 0) turn.awaiting.add(audience)
    else turn.awaiting.delete(audience)
    if (audience.turns.some(held => mustPass(held, line))) begin(turn, 'beside')
    else if (turn.awaiting.size === 0) {
      turn.is = 'given up'
      parties.delete(party)
      for (const audience of turn.audiences) audience.over = true
      const message = `Nobody waited for the loader of '${source}' any more when its turn came`
      turn.giveUp(new KeyplanError('TIMEOUT', message, { outcome: 'not-executed' }))
    } else return
    if (++absent * 2 < waiting.length) return
    waiting = waiting.filter(({ is }) => is === 'waiting')
    absent = 0
  }

  return {
    async take(work, audience, party = work) {
      const turn = parties.get(party) ?? open(party)
      turn.works++
      turn.audiences.push(audience)
      audience.changed = () => look(turn, party, audience)
      look(turn, party, audience)
      if (turn.is === 'waiting' && turn.works === 1) {
        if (running < atOnce) {
          running++
          begin(turn, 'placed')
        } else waiting.push(turn)
      }
      await turn.begun
      let left = false
      const leave = () => {
        timer?.cancel()
        if (left) return
        left = true
        turn.works--
        if (turn.works > 0) return
        parties.delete(party)
        endTurn(turn.held!)
        if (turn.is === 'placed') pass()
      }
      const timer = patience === Number.POSITIVE_INFINITY ? undefined : clock.after(patience, leave)
      try {
        return await withTurn(turn.held!, work)
      } finally {
        leave()
      }
    },
  }
}
