import { type CallOptions, checkOptions } from '../../base/call.ts'
import { isKeyplanError, KeyplanError } from '../../base/error.ts'
import { onAbort } from '../../base/on-abort.ts'
import { createBell, type Listening } from '../wake.ts'
import { createCustody, type LeaseFigures, type LeaseKind, type LeaseSurroundings } from './custody.ts'
import { checkWork, employ, type Holding, holdingOf } from './employ.ts'
import type { Held } from './held.ts'
import { type Access, createLine } from './line.ts'
import { type AcquireOptions, patienceOf, type RetrySettings, within } from './patience.ts'
import type { Busy, Seat, Wanted } from './steps.ts'

/** The verbs of everything that is held for a time. */
export interface Leases<W extends Wanted> {
  /** Asks once. */
  tryAcquire(wanted: W, options: CallOptions): Promise<Held | undefined>
  /**
   * Waits for it: callers of one process in the order they came; processes in the order of their seats where its kind knows
   * such, else by notice of release and by polling.
   */
  acquire(wanted: W, options: AcquireOptions): Promise<Held | undefined>
  /** Does the work while holding it and lets go of it in all cases. */
  run<T>(wanted: W, work: (held: Holding) => T | Promise<T>, options: AcquireOptions): Promise<T>
  /** What lies at the key may be had, or, without a key, anything may. False when nobody waits for it here. */
  ring(key?: string): boolean
  /** How many of this process wait. */
  waiting(key: string): number
  /** Gives up this process's place in line, in the background. */
  leave(key: string): void
  figures(): LeaseFigures
  close(): Promise<void>
}

interface LeaseParts<W extends Wanted> extends LeaseKind<W> {
  readonly retry: RetrySettings | undefined
  /** Why `run` has come to nothing, without a full stop. */
  busy(name: string): string
  /** How those of this process come to it. Default: `one`. */
  readonly access?: Access
  /** Begins to hear notices of release that are not told by `ring`. */
  listen(key: string, notice: () => void): readonly Listening[]
  /** Whether it listens already: who is called and does not hear it loses its place in line. Default: yes. */
  hears?(): boolean
  /** Names of the options that its verbs take beside the common ones. */
  readonly options?: readonly string[]
}

export const acquireOptions = ['attempts', 'delay', 'wait'] as const satisfies readonly (keyof AcquireOptions)[]

/** A place in line outlives this many polls, and what may delay them. */
const seatOf = (pollMs: number) => 3 * pollMs + 1_000

/**
 * Why `run` has come to nothing.
 *
 * @param what has happened, without a full stop
 */
export function leaseBusy(namespace: string, what: string, waitMs: number): KeyplanError {
  return new KeyplanError('LOCK_BUSY', `${what} within ${waitMs} ms`, {
    namespace,
    operation: 'acquire',
    outcome: 'not-executed',
  })
}

const asBusy = (busy: Busy) => busy
const asNothing = () => undefined

export function createLeases<W extends Wanted>(
  parts: LeaseParts<W>,
  surroundings: LeaseSurroundings & { readonly pattern: { readonly source: string } },
): Leases<W> {
  const { name, pattern, clock } = surroundings
  const { retry, access = 'one' } = parts
  const lined = parts.steps.leave !== undefined
  const custody = createCustody(parts, surroundings)
  const line = createLine(parts.listen, access)
  const waiting = new Set<() => void>()
  const known = [...acquireOptions, ...(parts.options ?? [])]

  async function acquire(wanted: W, options: AcquireOptions): Promise<Held | undefined> {
    checkOptions(options, known)
    const { signal } = options
    const patience = patienceOf(retry, options)
    const started = clock.now()
    const bell = createBell(clock, true)
    const place = line.join(wanted.key, bell)
    let held: Held | undefined
    let wasBusy = false
    let seat: Seat | undefined
    const unlink = signal && onAbort(signal, bell.ring)
    waiting.add(bell.ring)
    try {
      for (;;) {
        let pause = started + patience.wait - clock.now()
        // The first in line asks at least once, however short its wait is.
        if (pause < 1 && (wasBusy || !place.first)) return undefined
        const poll = patience.poll()
        if (place.mayAsk()) {
          const sits = lined && (wasBusy || (parts.hears?.() ?? true))
          seat = sits ? { ms: Math.min(seatOf(poll), pause + 1_000), again: place.followed } : undefined
          const answer = await custody.ask(
            wanted,
            within(patience.deadline && started + patience.deadline - clock.now(), signal),
            seat,
            asBusy,
          )
          if ('release' in answer) {
            held = answer
            return held
          }
          wasBusy = true
          place.listen()
          pause = Math.min(pause, poll, (answer.remainingMs ?? Number.POSITIVE_INFINITY) + 1)
        } else {
          custody.check(signal)
          if (place.first) pause = Math.min(pause, poll)
        }
        await bell.wait(pause)
      }
    } catch (error) {
      const outOfTime = patience.deadline !== undefined && clock.now() >= started + patience.deadline
      if (wasBusy && outOfTime && isKeyplanError(error, 'TIMEOUT')) return undefined
      throw error
    } finally {
      // In a line of processes this one has to ask for its next place, unless it took that with the grant.
      const last = place.leave(held !== undefined && (lined ? seat?.again === true : access === 'one'))
      if (last && seat && wasBusy && !held) custody.leave(wanted.key)
      unlink?.()
      waiting.delete(bell.ring)
    }
  }

  return {
    tryAcquire(wanted, options) {
      try {
        checkOptions(options, known)
      } catch (error) {
        return Promise.reject(error)
      }
      return custody.ask(wanted, options, undefined, asNothing)
    },
    acquire,
    async run(wanted, work, options) {
      checkWork(work, 'run', pattern)
      await using held = await acquire(wanted, options)
      if (!held) {
        const { wait } = patienceOf(retry, options)
        throw leaseBusy(name, parts.busy(name), wait)
      }
      return await employ(holdingOf(held), work, options.signal)
    },
    ring: line.ring,
    waiting: line.length,
    leave: custody.leave,
    figures: custody.figures,
    async close() {
      const closing = custody.close()
      for (const ring of waiting) ring()
      await closing
    },
  }
}
