import type { Clock } from '../../base/clock.ts'
import { KeyplanError } from '../../base/error.ts'
import type { Held } from './held.ts'
import { createLineUp, type LineUp } from './line-up.ts'
import type { WorkSettings } from './work-settings.ts'

/** Runs handlers, so many at once, and says how each ended. */
export interface Desk {
  add(held: Held): void
  /** Begins what may begin. */
  pump(): void
  readonly line: Pick<LineUp, 'ended' | 'gone' | 'expected' | 'ready' | 'waiting'>
  /** Entries whose handlers run. */
  readonly active: number
  /** Handlers that may yet begin. */
  readonly idle: number
  /** Gives up handlers whose time is over. They may go on; nobody waits for them. */
  enforce(): void
  /** Another has it by now, or it comes back: what its handler does is in vain. */
  abandon(held: Held, reason: KeyplanError, comesBack?: boolean): void
  /** Begins no more; gives what was not begun. */
  stop(): Held[]
  /** Resolves when no handler runs, or at the signal; then those that run are told, and given. */
  finish(late: AbortSignal): Promise<Held[]>
}

/** What a handler came to: nothing was thrown, or this was. */
export type Ending = { readonly thrown: unknown } | undefined

export type Handler = (given: Held | readonly Held[]) => unknown

interface DeskParts {
  readonly work: Pick<WorkSettings, 'concurrency' | 'batch' | 'timeoutMs'>
  /** After so long without a renewal another may have what was given. Milliseconds. */
  readonly claimAfterMs: number
  readonly namespace: string
  readonly clock: Clock
  readonly handler: Handler
  ended(held: Held, ending: Ending): void
  /** There is room for more. */
  room(): void
}

export function createDesk({ work, claimAfterMs, namespace, clock, handler, ended, room }: DeskParts): Desk {
  const { concurrency, batch, timeoutMs } = work
  const line = createLineUp(batch ?? 1)
  /** Each unit is what one call of the handler was given. */
  const running = new Set<readonly Held[]>()
  let active = 0
  let stopped = false
  let pumping = false
  let tellFinished: (() => void) | undefined

  function release(unit: readonly Held[]): boolean {
    if (!running.delete(unit)) return false
    active -= unit.length
    if (running.size === 0) tellFinished?.()
    room()
    return true
  }

  function end(unit: readonly Held[], ending: Ending): void {
    if (!release(unit)) return
    for (const held of unit) if (!held.over) ended(held, ending)
    pump()
  }

  function begin(unit: readonly Held[]): void {
    const begunAt = clock.now()
    for (const held of unit) held.begunAt = begunAt
    running.add(unit)
    active += unit.length
    try {
      const result = handler(batch === undefined ? unit[0]! : unit)
      if (isThenable(result)) {
        result.then(
          () => end(unit, undefined),
          (thrown: unknown) => end(unit, { thrown }),
        )
      } else end(unit, undefined)
    } catch (thrown) {
      end(unit, { thrown })
    }
  }

  function pump(): void {
    // A handler that is no promise ends at once, and would call this from within.
    if (pumping) return
    pumping = true
    const now = clock.now()
    // What may be another's by now waits until its claim is renewed, or known to be lost.
    const mayBegin = (held: Held) => held.over || now - held.claimedAt < claimAfterMs
    while (!stopped && running.size < concurrency) {
      const next = line.next(mayBegin)
      if (next.length === 0) break
      for (const held of next) if (held.over) line.ended(held, false)
      const unit = next.filter(held => !held.over)
      if (unit.length > 0) begin(unit)
    }
    pumping = false
  }

  return {
    add: line.add,
    pump,
    line: {
      ended: line.ended,
      gone(id) {
        line.gone(id)
        pump()
      },
      get expected() {
        return line.expected
      },
      get ready() {
        return line.ready
      },
      get waiting() {
        return line.waiting
      },
    },
    get active() {
      return active
    },
    get idle() {
      return concurrency - running.size
    },
    enforce() {
      const now = clock.now()
      for (const unit of [...running]) {
        if (now - unit[0]!.begunAt! < timeoutMs) continue
        const message = `a handler took longer than its timeout of ${timeoutMs} ms`
        const thrown = new KeyplanError('TIMEOUT', message, { namespace, operation: 'work' })
        if (!release(unit)) continue
        for (const held of unit) {
          if (held.over) continue
          ended(held, { thrown })
          held.abort(thrown)
        }
      }
      pump()
    },
    abandon(held, reason, comesBack = false) {
      held.abort(reason)
      const unit = [...running].find(one => one.includes(held))
      // One that has ended has left its order already.
      if (unit) line.ended(held, comesBack)
      if (unit?.every(({ over }) => over)) release(unit)
      pump()
    },
    stop() {
      stopped = true
      return line.clear()
    },
    async finish(late) {
      if (running.size > 0) {
        await new Promise<void>(resolve => {
          tellFinished = resolve
          if (late.aborted) resolve()
          late.addEventListener('abort', () => resolve(), { once: true })
        })
      }
      const left = [...running].flat().filter(({ over }) => !over)
      const reason = new KeyplanError('CLOSED', 'The worker was closed before the handler was done', { namespace })
      for (const held of left) held.abort(reason)
      return left
    },
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
}
